/* SPDX-License-Identifier: MIT */
/* GET /v1/curve: computed from the whole record, so on the helper's thread. */
#include <stdlib.h>

#include "learn/curve.h"
#include "serve/internal.h"

struct curving {
    struct task task;
    struct request *request;
    char *pipeline;
    size_t first, last;
    struct fnd_text out;
    enum fnd_status status;
    struct fnd_error error;
};

static enum fnd_status directory_append(struct curving *curving, struct directory *directory,
                                        size_t index)
{
    struct spare *spare = NULL;
    struct fnd_curve curve = {0};
    enum fnd_status status = directory_reader(directory, &spare, &curving->error);
    if (status == FND_OK) {
        status = fnd_curve_read(spare->reader, curving->pipeline, &curve, &curving->error);
    }
    if (status == FND_OK) {
        struct fnd_text json = {0};
        fnd_curve_json(&curve, &json);
        fnd_text_append_z(&curving->out, index > curving->first ? ",{" : "{");
        fnd_text_append_z(&curving->out, "\"directory\":");
        fnd_text_append_json_z(&curving->out, directory->name);
        fnd_text_append_byte(&curving->out, ',');
        fnd_text_append(&curving->out, json.bytes + 1, json.size - 1);
        fnd_text_finish(&json);
    }
    fnd_curve_finish(&curve);
    directory_release(directory, spare);
    return status;
}

static void curve_task(struct task *task)
{
    struct curving *curving = task->context;
    fnd_text_append_z(&curving->out, "{\"items\":[");
    for (size_t i = curving->first; i < curving->last && curving->status == FND_OK; i++) {
        curving->status = directory_append(curving, &curving->request->serve->directories[i], i);
    }
    fnd_text_append_z(&curving->out, "]}");
    request_resume(curving->request);
}

static void curved(struct request *request, struct fnd_json end)
{
    (void)end;
    struct curving *curving = request->work;
    request->work = NULL;
    if (curving->status == FND_OK) {
        fnd_text_append(&request->out, curving->out.bytes, curving->out.size);
        reply_json(request, 200);
    } else {
        reply_error(request, &curving->error);
    }
    fnd_text_finish(&curving->out);
    free(curving->pipeline);
    free(curving);
}

void curve_get(struct request *request)
{
    size_t first, last;
    if (!directories_asked(request, &first, &last)) {
        return;
    }
    struct curving *curving = fnd_alloc(sizeof *curving);
    curving->request = request;
    curving->pipeline = request_query(request, "pipeline");
    curving->first = first;
    curving->last = last;
    curving->task = (struct task){.run = curve_task, .context = curving};
    request->work = curving;
    request_wait(request, curved);
    helper_do(request->serve, &curving->task);
}
