/* SPDX-License-Identifier: MIT */
/* What a gate is told by whoever proves. */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "pipeline/kind.h"

void fnd_proof_finish(struct fnd_proof *proof)
{
    for (size_t i = 0; i < proof->known_count; i++) {
        free(proof->known[i]);
    }
    free(proof->known);
    free(proof->reason);
    free(proof->numbers);
    const struct fnd_proof empty = {0};
    *proof = empty;
}

char *fnd_proof_model(const struct fnd_bound *bound, struct fnd_json models)
{
    uint8_t digest[FND_DIGEST_SIZE];
    char text[FND_DIGEST_TEXT_SIZE];
    struct fnd_text matter = {0};
    fnd_text_append_z(&matter, bound->uses);
    fnd_text_append_byte(&matter, '\n');
    fnd_text_append(&matter, bound->with.json, bound->with.size);
    if (models.bytes != NULL) {
        fnd_json_canonical(models, &matter);
    }
    fnd_blake2b(NULL, 0, bound->callee.hash, sizeof bound->callee.hash, matter.bytes, matter.size,
                digest);
    fnd_digest_text(digest, text);
    fnd_text_finish(&matter);
    return fnd_strndup(text, 16);
}

void fnd_proof_field(const char *pointer, struct fnd_text *field)
{
    for (const char *at = pointer; *at == '/';) {
        const size_t size = strcspn(at + 1, "/");
        if (size > 0 && strspn(at + 1, "0123456789") >= size) {
            fnd_text_append_z(field, "/*");
        } else {
            fnd_text_append(field, at, size + 1);
        }
        at += size + 1;
    }
}

bool fnd_proof_knows(const struct fnd_proof *proof, const char *pointer)
{
    struct fnd_text field = {0};
    bool known = false;
    fnd_proof_field(pointer, &field);
    for (size_t i = 0; i < proof->known_count && !known; i++) {
        known = strcmp(proof->known[i], fnd_text_z(&field)) == 0;
    }
    fnd_text_finish(&field);
    return known;
}
