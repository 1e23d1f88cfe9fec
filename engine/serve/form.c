/* SPDX-License-Identifier: MIT */
/* The form that a pipeline brings for its questions. It is the one thing of a job directory that a
 * browser runs, so it comes out of the pin alone, which is trusted as its pipeline is. */
#include <inttypes.h>
#include <stdlib.h>

#include "serve/internal.h"

static enum fnd_status form_append(struct fnd_reader *reader, int64_t number, struct fnd_text *out,
                                   struct fnd_error *error)
{
    struct fnd_request_row row;
    struct fnd_step_row step;
    struct fnd_text body = {0}, pin = {0};
    struct fnd_json asked, document;
    char *name = NULL, *form = NULL;
    enum fnd_status status = fnd_request_get(reader, number, &row, error);
    if (status == FND_OK) {
        status = fnd_step_get(reader, row.step, &step, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, number, &body, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, step.pin, &pin, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&body), body.size, "request", &asked, error);
    }
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&pin), pin.size, "pin", &document, error);
    }
    if (status != FND_OK) {
        goto out;
    }
    name = fnd_json_strdup(fnd_json_member(asked, "form"));
    if (name != NULL) {
        form = fnd_json_strdup(fnd_json_member(fnd_json_member(document, "files"), name));
    }
    if (form != NULL) {
        fnd_text_append_z(out, form);
    } else {
        status = fnd_error_set(error, FND_NOT_FOUND,
                               "request %" PRId64 " has no form of its own: the plain one is made "
                               "from its schema",
                               number);
    }
out:
    free(name);
    free(form);
    fnd_text_finish(&body);
    fnd_text_finish(&pin);
    return status;
}

void asks_form(struct request *request)
{
    struct directory *directory = NULL;
    struct spare *spare = NULL;
    struct fnd_error error = {0};
    int64_t number;
    if (!number_id(request, request->match.parts[0], "ask", &directory, &number)) {
        return;
    }
    enum fnd_status status = directory_reader(directory, &spare, &error);
    if (status == FND_OK) {
        status = form_append(spare->reader, number, &request->out, &error);
    }
    directory_release(directory, spare);
    if (status == FND_OK) {
        request->status = 200;
        request->type = "text/javascript; charset=utf-8";
    } else {
        reply_error(request, &error);
    }
}
