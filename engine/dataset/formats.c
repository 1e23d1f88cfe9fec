/* SPDX-License-Identifier: MIT */
/* The table of formats. */
#include <string.h>

#include "dataset/internal.h"

const char *const fnd_dataset_formats[] = {
    "foundry", "gemini",   "openai-chat",     "openai-dpo", "trl-sft",      "trl-dpo", "trl-kto",
    "alpaca",  "sharegpt", "nvidia-flywheel", "argilla",    "label-studio", "coco",    "yolo",
    "hf",      NULL};
static const struct fnd_format *const formats[] = {
    &fnd_format_foundry,     &fnd_format_gemini,
    &fnd_format_openai_chat, &fnd_format_openai_dpo,
    &fnd_format_trl_sft,     &fnd_format_trl_dpo,
    &fnd_format_trl_kto,     &fnd_format_alpaca,
    &fnd_format_sharegpt,    &fnd_format_nvidia_flywheel,
    &fnd_format_argilla,     &fnd_format_label_studio,
    &fnd_format_coco,        &fnd_format_yolo,
    &fnd_format_hf};
_Static_assert(sizeof formats / sizeof formats[0] + 1 ==
                   sizeof fnd_dataset_formats / sizeof fnd_dataset_formats[0],
               "each format has its name in the list");

const struct fnd_format *fnd_format_find(const char *name, struct fnd_error *error)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    const char *near = fnd_nearest(name, fnd_dataset_formats);
    struct fnd_text known = {0};
    for (size_t i = 0; fnd_dataset_formats[i] != NULL; i++) {
        fnd_text_printf(&known, "%s%s", i > 0 ? ", " : "", fnd_dataset_formats[i]);
    }
    fnd_error_set(error, FND_INVALID, "there is no export format `%.100s`%s%s%s; known: %s", name,
                  near != NULL ? ", did you mean `" : "", near != NULL ? near : "",
                  near != NULL ? "`" : "", fnd_text_z(&known));
    fnd_error_code(error, "unknown_format");
    fnd_text_finish(&known);
    return NULL;
}
