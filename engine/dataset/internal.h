/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef FND_DATASET_INTERNAL_H
#define FND_DATASET_INTERNAL_H

#include <stdio.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "dataset/dataset.h"
#include "review/review.h"
#include "schema/schema.h"

/* --- entry.c: an entry of `export:` as a pin has it ------------------------------------------ */

/** What governs the records of one pin: the options, and where they are silent the entry. */
struct fnd_entry {
    char pin[FND_DIGEST_TEXT_SIZE];
    char *format, *of, *prompt, *system, *uri_prefix; /* malloc'ed or NULL */
    char *boxes, *label;    /* pointers: to the list in the document, and in a box */
    struct fnd_error error; /* why there is none; status FND_OK otherwise */
    struct fnd_entry *next;
};
void fnd_entries_finish(struct fnd_entry *entries);
/** Read the entry out of a pin document.
 *  name    of the entry; NULL: the only one of `format` (none is fine then).
 *  format  the export's; NULL: not known yet, the entry says. */
enum fnd_status fnd_entry_read(struct fnd_json pin, const char *name, const char *format,
                               struct fnd_entry *entry, struct fnd_error *error);

/* --- record.c: one CorrectionRecord ---------------------------------------------------------- */

/** A record taken apart; spans lie in `json`. */
struct fnd_datum {
    int64_t number;
    struct fnd_text json;          /* as review tells it */
    uint8_t hash[FND_DIGEST_SIZE]; /* SHA-256 of `json` */
    struct fnd_json whole, input, model, human;
    struct fnd_json value; /* of an input that is one */
    struct fnd_text names; /* where the next four stand, or NULL where it has none */
    const char *pipeline, *path, *phase, *pin;
    int64_t revision;
    bool is_file; /* its input is a file; else a value, in input's "value" */
    enum fnd_verdict verdict;
    enum fnd_split split;
    uint32_t job; /* drawn with the split: the same for all records of a job */
    const struct fnd_entry *entry;
    const struct fnd_redact *redact; /* the rules that were applied; NULL: none are */
    struct fnd_literals {            /* what they took out */
        struct fnd_literal *list;    /* longest first */
        size_t count;
    } literals;
};
void fnd_datum_finish(struct fnd_datum *datum);
/** The same, but for memory that the next fnd_datum_load() into it takes again. */
void fnd_datum_reuse(struct fnd_datum *datum);

/** Put other JSON in the record's place. Number, hash, split and entry stay those of the record;
 *  `json` is taken. */
enum fnd_status fnd_datum_replace(struct fnd_datum *datum, struct fnd_text *json,
                                  struct fnd_error *error);

/** Append the text of an input that is a value: its "content", itself if it is text, else as JSON.
 */
void fnd_datum_content(const struct fnd_datum *datum, struct fnd_text *content);

/** The model's lowest confidence: a record is as sure as its least sure field; else no value. */
struct fnd_json fnd_datum_score(const struct fnd_datum *datum);

/* --- plan ------------------------------------------------------------------------------------ */

struct fnd_format;

/** An export under way. */
struct fnd_plan {
    struct fnd_reader *reader;
    const struct fnd_format *format;
    struct fnd_export_options options; /* format, since, until, salt, shares as they hold */
    char *store_uuid;
    struct fnd_entry *entries;          /* by pin, as met */
    int64_t *numbers;                   /* records to write, ascending */
    uint8_t (*hashes)[FND_DIGEST_SIZE]; /* of each, as the manifest has them that is reproduced */
    FILE *hashes_file;                  /* the same, to be read in order, of a long one */
    size_t count, capacity;
    struct fnd_redact *redact; /* what may not be told; NULL: no rules */
    bool reading_back;         /* records are read again to be compared */
    struct fnd_redacted { /* records with something taken out; places; texts that quoted them */
        size_t records, values, quoted, paths, inputs;
    } redacted;
    size_t loads; /* records looked at so far */
    struct fnd_record_memo memo;
    int64_t pin_met;   /* the pin whose entry was read last, by its event */
    int64_t as_of;     /* what was taken back behind this event is not known yet */
    bool hashes_later; /* who loads records makes their hashes, too: fnd_datum_load() does not */
    bool reproduces;   /* hashes are the manifest's */
    int64_t *skipped;  /* bad ones that were left out */
    size_t skipped_count;
    int64_t *order; /* of a folder: the records as they are read back, split by split */
    char **classes; /* of boxes, where numbers stand for them: in the order in which they came up */
    size_t classes_count;
    const struct fnd_near
        *near; /* records whose inputs are nearly the same; NULL: not looked for */
    struct fnd_export_result *result;
};

enum { FND_DATUM_KEPT_MAX = 16 << 10 }; /* bytes of a text whose memory is kept for the next one */
/** Load a record: its JSON, its split, its entry.
 *  datum  `= {0}`, or finished, or to be used again.  FND_NOT_FOUND, FND_DAMAGED, FND_INVALID. */
enum fnd_status fnd_datum_load(struct fnd_plan *plan, int64_t number, struct fnd_datum *datum,
                               struct fnd_error *error);
/** Fill plan->numbers with what the options ask for, as far as rows tell: fnd_plan_judge() decides
 *  when a record has been loaded. */
enum fnd_status fnd_plan_select(struct fnd_plan *plan, struct fnd_error *error);
enum { FND_LEFT_NONE = FND_LEFT_COUNT }; /* it goes into the file */
/** Whether a record that no later one replaces goes into the file.
 *  loaded  what loading it came to; where that failed, datum holds what was read.
 *  left    receives why it does not, or FND_LEFT_NONE.
 *  Returns FND_OK, or the failure, `loaded` included, of one that should have gone in. */
enum fnd_status fnd_plan_judge(const struct fnd_plan *plan, const struct fnd_datum *datum,
                               enum fnd_status loaded, uint8_t *left, struct fnd_error *error);
/** Whether all that keeps a record out of the file is its split. */
bool fnd_plan_other_split(const struct fnd_plan *plan, const struct fnd_datum *datum);
/** The entry of a pin by its event is among plan->entries. */
enum fnd_status fnd_plan_pin(struct fnd_plan *plan, int64_t event, struct fnd_error *error);
/** Write plan->numbers to options.out, read back and check, publish.
 *  manifest  what is reproduced: hashes and the file's must come out; its text is let go of. NULL:
 *            made anew.
 *  store     where the export is recorded; NULL: nowhere. */
struct fnd_manifest;
enum fnd_status fnd_plan_write(struct fnd_plan *plan, struct fnd_manifest *manifest,
                               struct fnd_store *store, struct fnd_error *error);
/** Called before each record: a record is a dozen reads, each of which would take and free a lock
 * of its own. Held over some hundred records, a snapshot costs nothing, and a writer's log can
 * still be cleared. */
enum fnd_status fnd_plan_hold(struct fnd_plan *plan, struct fnd_error *error);
/** Let go of the snapshot that records are read under. */
void fnd_plan_rest(struct fnd_plan *plan);
void fnd_plan_finish(struct fnd_plan *plan);
/** Where the record's input lies for the trainer: the option, else its entry's; may be NULL. */
const char *fnd_plan_prefix(const struct fnd_plan *plan, const struct fnd_datum *datum);
void fnd_plan_note(const struct fnd_plan *plan, int64_t record, bool warning, const char *message);
/** Whether the record is of the pipeline and phase asked for. */
bool fnd_plan_in_scope(const struct fnd_plan *plan, const struct fnd_datum *datum);
/** True if a failure is this record's own and the others can still be exported. */
bool fnd_failure_is_local(const struct fnd_error *error);

/* --- formats -----------------------------------------------------------------------------------
 */

/** Rules under way over one file. */
struct fnd_checker {
    const struct fnd_format *format;
    struct fnd_schema *schema;
    size_t line;   /* where the example begins; set by who reads a file */
    unsigned kind; /* of the first line, where a file holds one kind only; 0: none yet */
    size_t lines, with_files, strange, strange_line, long_lines, long_line;
    char strange_type[64];
    char **labels; /* of boxes, sorted */
    size_t labels_count;
    struct fnd_text columns; /* of the first row, {name: type}, where all rows have the same */
    struct fnd_id_seen {
        uint8_t digest[16];
        size_t line;
    } * ids;
    size_t ids_count, ids_capacity;
};

/** A format. A further one is a row in formats.c and a file of its own. */
struct fnd_format {
    const char *name;
    const char *schema; /* JSON Schema of a line */
    bool training;      /* last valid record of each job and phase, never a rejected one */
    bool by_uri;        /* names input files by where they lie */
    bool embeds;        /* without a prefix their bytes lie in the line */
    bool pairs;         /* what was preferred to what: corrected records only */
    bool array;         /* the file is one JSON array, an item a line where it is ours */
    bool array_too;     /* a foreign file may be one, where ours has lines */
    bool ids;           /* each line that has an "id" has one of its own */
    uint64_t size_max;  /* bytes of a file; 0: any */
    size_t lines_max, lines_with_files_max, lines_advised, validation_lines_max; /* 0: any */
    size_t lines_min; /* the trainer takes no fewer: an error of a file, a warning of an export */
    /** Append a record's line, without the newline. */
    enum fnd_status (*line)(const struct fnd_plan *plan, const struct fnd_datum *datum,
                            struct fnd_text *text, struct fnd_error *error);
    /** Whether a line that was read back says what the record says. */
    enum fnd_status (*agrees)(const struct fnd_datum *datum, struct fnd_json line,
                              struct fnd_error *error);
    /** Rules beyond the schema, for a line that meets it. */
    void (*check)(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws);
    /** The file is one value made of all records (a JSON array of lines), and taken apart again;
     *  flaws are the file's. NULL: it is not. */
    void (*pack)(const struct fnd_checker *checker, struct fnd_json records, struct fnd_text *file);
    void (*unpack)(struct fnd_json file, struct fnd_text *records, struct fnd_flaws *flaws);
    /** A file that the trainer wants beside the data, as OUT with `beside_name` behind it; NULL:
     *  none. `checker` has seen all lines. */
    const struct fnd_folder *folder; /* the export is a folder; NULL: a file */
    const char *beside_name;
    void (*beside)(const struct fnd_plan *plan, const struct fnd_checker *checker,
                   struct fnd_text *text);
};
const struct fnd_format *fnd_format_find(const char *name, struct fnd_error *error);
extern const struct fnd_format fnd_format_yolo, fnd_format_hf;
extern const struct fnd_format fnd_format_foundry, fnd_format_gemini, fnd_format_openai_chat,
    fnd_format_openai_dpo, fnd_format_trl_sft, fnd_format_trl_dpo, fnd_format_trl_kto,
    fnd_format_alpaca, fnd_format_sharegpt, fnd_format_nvidia_flywheel, fnd_format_argilla,
    fnd_format_label_studio, fnd_format_coco;

/* --- check.c --------------------------------------------------------------------------------- */

enum fnd_status fnd_checker_begin(struct fnd_checker *checker, const struct fnd_format *format,
                                  struct fnd_error *error);
void fnd_checker_finish(struct fnd_checker *checker);
/** Check one line; what is wrong goes to `flaws`. */
void fnd_checker_line(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws);
/** Its two halves: whether a line meets the schema, which asks for nothing but the line; and the
 *  rules that lines of a file must keep together, for one that does. */
bool fnd_checker_shape(const struct fnd_checker *checker, struct fnd_json line,
                       struct fnd_flaws *flaws);
void fnd_checker_rules(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws);
/** Check a whole file from its start.
 *  said    told what is found.
 *  agrees  asked about each line that is JSON; false: it has told what is wrong. May be NULL. */
struct fnd_check_hooks {
    void (*said)(void *context, const struct fnd_dataset_note *note);
    bool (*agrees)(void *context, size_t line, struct fnd_json json);
    void *context;
    /* told of each example that keeps the rules, and where it begins; may be NULL */
    void (*value)(void *value_context, const char *file, size_t line, struct fnd_json value);
    void *value_context;
};
/** Check what lies at a path. As fnd_dataset_validate(). */
enum fnd_status fnd_dataset_look(const char *path, const struct fnd_format *format,
                                 const struct fnd_check_hooks *hooks,
                                 struct fnd_dataset_checked *checked, struct fnd_error *error);
/** A check of one file or folder under way. */
struct fnd_checking {
    struct fnd_checker checker;
    const struct fnd_check_hooks *hooks;
    struct fnd_dataset_checked *checked;
};
/** Something was found.  file: in a folder; NULL: the file itself.  line: from 1; 0: the whole. */
void fnd_checking_tell(struct fnd_checking *checking, const char *file, size_t line, bool warning,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));
/** Check one example.  line: where it begins.  index: of the example, from 1. */
void fnd_checking_value(struct fnd_checking *checking, const char *file, size_t line,
                        struct fnd_json value, size_t index);
/** What can be said of the whole, of `size` bytes. Then FND_INVALID if anything was wrong. */
enum fnd_status fnd_checking_end(struct fnd_checking *checking, uint64_t size,
                                 struct fnd_error *error);
/** Read one line without its newline; what passes the maximum is skipped, `size` is then larger.
 *  Returns false at the end.  ended: whether there was a newline. */
bool fnd_line_read(FILE *file, struct fnd_text *line, size_t *size, bool *ended);
/** Tell of a line that is too long or empty (false), and of a byte order mark and CR LF, which are
 *  cut off so that what is in it can be told, too. */
bool fnd_line_sound(struct fnd_checking *checking, const char *file, size_t number,
                    struct fnd_text *line, size_t size);
enum fnd_status fnd_check_file(FILE *file, const struct fnd_format *format,
                               const struct fnd_check_hooks *hooks,
                               struct fnd_dataset_checked *checked, struct fnd_error *error);

/** Hand on the items of a file that is one JSON array, one at a time.
 *  item   told an item's bytes, which may be no JSON, where it begins, and its number from 1.
 *  mark   whether a byte order mark was passed over.  size: bytes read.
 *  Returns FND_OK; FND_INVALID: it is no array, or ends in the middle, or goes on behind it; `line`
 *          of the error says where. */
enum fnd_status fnd_array_read(FILE *file,
                               void (*item)(void *context, const struct fnd_text *item, size_t line,
                                            size_t index),
                               void *context, bool *mark, uint64_t *size, struct fnd_error *error);
/** The same of an array in the middle of a file, from behind its bracket to behind the one that
 *  ends it. Lines are counted from where it begins. */
enum fnd_status fnd_array_items(FILE *file,
                                void (*item)(void *context, const struct fnd_text *item,
                                             size_t line, size_t index),
                                void *context, struct fnd_error *error);

/* --- uri.c -------------------------------------------------------------------------------------
 */

/** Whether `uri` is one a trainer in the cloud can read: gs://BUCKET/NAME or http(s)://HOST/….
 *  prefix  true: the object's name may be missing.  Returns FND_OK or FND_INVALID, told why. */
enum fnd_status fnd_uri_check(const char *uri, bool prefix, struct fnd_error *error);
/** Append prefix + path. `path` is a job's identity; percent-encoded below http(s), as it is below
 *  gs://, where names are literal. */
enum fnd_status fnd_uri_append(const char *prefix, const char *path, struct fnd_text *uri,
                               struct fnd_error *error);

/* --- split.c -----------------------------------------------------------------------------------
 */

/** The split of a job: the first 32 bits of SHA-256(salt NUL pipeline NUL path) as a fraction.
 *  job  receives the next 32 bits, which tell jobs of one salt apart; may be NULL. */
enum fnd_split fnd_split_draw(const char *salt, const int32_t shares[FND_SPLITS_COUNT],
                              const char *pipeline, const char *path, uint32_t *job);

/* --- sink.c: a file that is there whole or not at all ---------------------------------------- */

struct fnd_sink_back { /* what came back of it, from its start */
    uint64_t sum, size;
    size_t newlines;
};
struct fnd_sink {
    int folder, fd;
    char *path;       /* as it was asked for; NULL: an unnamed one */
    const char *name; /* in folder: the end of path */
    char temporary[64];
    struct fnd_text buffer;
    struct fnd_sha256 hash; /* of what went out of `buffer` */
    uint64_t size;
    uint64_t begun, there;     /* so far the disk was asked to write, and has written */
    struct fnd_sink_back back; /* and has given back */
    bool at_end;               /* it cannot be asked for a part: all at the end */
    uint64_t sum; /* XXH3 of what went out, piece by piece, to compare what comes back */
    bool bare;    /* nobody asks for its hash, nor compares it: set behind fnd_sink_open() */
    char sha256[FND_DIGEST_TEXT_SIZE]; /* once sealed */
};
/** Begin one. `path` NULL: a temporary file without a name. */
enum fnd_status fnd_sink_open(struct fnd_sink *sink, const char *path, struct fnd_error *error);
enum fnd_status fnd_sink_write(struct fnd_sink *sink, const void *bytes, size_t size,
                               struct fnd_error *error);
/** Everything is on disk, hash and size are known. */
enum fnd_status fnd_sink_seal(struct fnd_sink *sink, struct fnd_error *error);
/** A stream that reads what was written, from the start; the caller closes it. */
enum fnd_status fnd_sink_read(const struct fnd_sink *sink, FILE **file, struct fnd_error *error);
/** Read back what was written and compare it with what was handed in, by a checksum of 64
 *  bits: what it guards against is a disk that fails, not a person.
 *  lines  and `around` more are ended by a newline each: no line holds one.
 *  Returns FND_OK; FND_DAMAGED: other bytes, or lines, came back; FND_IO. */
enum fnd_status fnd_sink_compare(const struct fnd_sink *sink, size_t lines, size_t around,
                                 struct fnd_error *error);
/** Give it its name, durably. */
enum fnd_status fnd_sink_publish(struct fnd_sink *sink, struct fnd_error *error);
/** Whether it has its name; that may be so although publishing ended in an error. */
bool fnd_sink_published(const struct fnd_sink *sink);
/** Append all of a sealed one to one that is being written. */
enum fnd_status fnd_sink_append(struct fnd_sink *sink, const struct fnd_sink *from,
                                struct fnd_error *error);
/** Put a copy of a sealed one down as the file `path`, whole and durably. */
enum fnd_status fnd_sink_store(const struct fnd_sink *sink, const char *path,
                               struct fnd_error *error);
/** Append the bytes of a sealed one. */
enum fnd_status fnd_sink_text(const struct fnd_sink *sink, struct fnd_text *text,
                              struct fnd_error *error);
/** Send it down `fd`. */
enum fnd_status fnd_sink_send(const struct fnd_sink *sink, int fd, struct fnd_error *error);
/** Without publish nothing is left of it. */
void fnd_sink_finish(struct fnd_sink *sink);

/* --- manifest.c --------------------------------------------------------------------------------
 */

/** Append a record to the manifest's list, which grows in a file of its own: it may be as long as
 *  the export. */
enum fnd_status fnd_manifest_record(struct fnd_sink *records, int64_t number,
                                    const uint8_t hash[FND_DIGEST_SIZE], struct fnd_error *error);
/** Write the manifest of what was written, canonical JSON with a newline, and seal it.
 *  bundle   the folder that was made; NULL: it was a file.
 *  records  the list; sealed here. */
struct fnd_bundle;
enum fnd_status fnd_manifest_write(const struct fnd_plan *plan, const struct fnd_bundle *bundle,
                                   struct fnd_sink *records, struct fnd_sink *manifest,
                                   struct fnd_error *error);
/** What the record keeps of a manifest that is too long for an event: all but the list, and
 *  "manifest_sha256", the hash of the whole. Canonical JSON, malloc'ed. */
char *fnd_manifest_short(const struct fnd_plan *plan, const struct fnd_bundle *bundle,
                         const struct fnd_sink *manifest);
/** Read a manifest into a plan.
 *  text   keeps the bytes as they were read; nothing points into them.
 *  sha256 receives the file's. */
struct fnd_manifest {
    struct fnd_text text;         /* of a streamed one, without its lists */
    bool streamed;                /* then these are open: */
    struct fnd_sink copy, hashes; /* its bytes; those of the records' hashes, one after the other */
    char *strings[12];            /* behind the options */
    size_t strings_count;
    char sha256[FND_DIGEST_TEXT_SIZE];
    char own_sha256[FND_DIGEST_TEXT_SIZE]; /* of the manifest itself, where it was loaded */
    char *engine, *store;
};
enum fnd_status fnd_manifest_read(const char *path, struct fnd_manifest *manifest,
                                  struct fnd_plan *plan, struct fnd_error *error);
/** The same of bytes that were read already; `text` is taken and empty behind it. */
enum fnd_status fnd_manifest_parse(const char *path, struct fnd_text *text,
                                   struct fnd_manifest *manifest, struct fnd_plan *plan,
                                   struct fnd_error *error);
void fnd_manifest_finish(struct fnd_manifest *manifest);

#endif
