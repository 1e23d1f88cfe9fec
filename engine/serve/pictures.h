/* SPDX-License-Identifier: MIT */
#ifndef FND_SERVE_PICTURES_H
#define FND_SERVE_PICTURES_H

#include "base/error.h"

struct fnd_artifact;
struct fnd_serve;
struct request;

/** Start the thread; plugin and worker come with the first picture.  FND_IO. */
enum fnd_status pictures_start(struct fnd_serve *serve, struct fnd_error *error);
/** Refuse what waits and end it. Fine where it was not started. */
void pictures_stop(struct fnd_serve *serve);
/** Reply with a page of a picture: view "displayed" or "about", `?page=N`. Takes `fd`, which is
 *  open on the artifact. */
void picture_show(struct request *request, const char *view, int fd,
                  const struct fnd_artifact *artifact);

#endif
