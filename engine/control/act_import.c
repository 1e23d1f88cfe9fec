/* SPDX-License-Identifier: MIT */
/* A record made elsewhere. */
#include "control/server.h"
#include "dataset/dataset.h"

void control_import_record(struct client *client, struct fnd_json request)
{
    struct fnd_control *control = client->control;
    struct fnd_error error = {0};
    bool known = false;
    const enum fnd_status status =
        fnd_dataset_import_record(fnd_engine_reader(control->engine),
                                  fnd_engine_store(control->engine), request, &known, &error);
    control->moved = true; /* a job came, and ended */
    control_end(client, status, &error, known ? ",\"known\":true" : ",\"known\":false");
}
