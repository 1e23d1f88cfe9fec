/* SPDX-License-Identifier: MIT */
/* What takes long and is no engine's: keeping an upload, writing an export. One thread, one thing
 * at a time, in the order of coming. */
#include <signal.h>

#include "serve/internal.h"

static void *helper_main(void *context)
{
    struct fnd_serve *serve = context;
    pthread_mutex_lock(&serve->lock);
    for (;;) {
        while (serve->tasks == NULL && serve->helping) {
            pthread_cond_wait(&serve->tasks_there, &serve->lock);
        }
        struct task *task = serve->tasks;
        if (task == NULL) {
            break;
        }
        serve->tasks = task->next;
        serve->tasks_end = serve->tasks == NULL ? &serve->tasks : serve->tasks_end;
        pthread_mutex_unlock(&serve->lock);
        task->run(task); /* the task is gone behind this */
        pthread_mutex_lock(&serve->lock);
    }
    pthread_mutex_unlock(&serve->lock);
    return NULL;
}

enum fnd_status helper_start(struct fnd_serve *serve, struct fnd_error *error)
{
    serve->tasks_end = &serve->tasks;
    serve->helping = true;
    int failed = pthread_create(&serve->helper, NULL, helper_main, serve);
    if (failed != 0) {
        serve->helping = false;
        return fnd_error_errno(error, FND_IO, failed, "cannot start a thread");
    }
    return FND_OK;
}

void helper_do(struct fnd_serve *serve, struct task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&serve->lock);
    *serve->tasks_end = task;
    serve->tasks_end = &task->next;
    pthread_cond_signal(&serve->tasks_there);
    pthread_mutex_unlock(&serve->lock);
}

void helper_stop(struct fnd_serve *serve)
{
    pthread_mutex_lock(&serve->lock);
    bool helping = serve->helping;
    serve->helping = false;
    pthread_cond_signal(&serve->tasks_there);
    pthread_mutex_unlock(&serve->lock);
    if (helping) {
        pthread_join(serve->helper, NULL);
    }
}
