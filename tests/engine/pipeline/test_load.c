/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static const struct {
    const char *yaml, *codes;
} bad[] = {
    /* the top level */
    {"[]\n", "1:1:wrong_type"},
    {"name: t\nphases:\n  - {id: a, uses: demo/plain}\n", "1:1:missing_key"},
    {"foundry: v1\nphases:\n  - {id: a, uses: demo/plain}\n", "1:1:missing_key"},
    {HEAD, "1:1:missing_key"},
    {"foundry: v2\nname: t\nphases:\n  - {id: a, uses: demo/plain}\n", "1:10:unknown_version"},
    {"foundry: 1\nname: t\nphases:\n  - {id: a, uses: demo/plain}\n", "1:10:wrong_type"},
    {"foundry: v1\nname: A b\nphases:\n  - {id: a, uses: demo/plain}\n", "2:7:bad_name"},
    {"foundry: v1\nname: ''\nphases:\n  - {id: a, uses: demo/plain}\n", "2:7:bad_name"},
    {"foundry: v1\nname: 7\nphases:\n  - {id: a, uses: demo/plain}\n", "2:7:wrong_type"},
    {ONE "summary: [a]\n", "6:10:wrong_type"},
    {ONE "phase: []\n", "6:1:unknown_key"},
    {ONE "colour: red\n", "6:1:unknown_key"},
    {ONE "models: []\n", "6:9:wrong_type"},
    {ONE "notify: {}\n", "6:9:wrong_type"},
    {ONE "notify: [{url: ftp://a/b, on: [asked]}]\n", "6:16:invalid_value"},
    {ONE "notify: [{url: http://u@a/b, on: [asked]}]\n", "6:16:invalid_value"},
    {ONE "notify: [{url: http://a/b, on: [born]}]\n", "6:33:invalid_value"},
    {ONE "notify: [{url: http://a/b, on: [asked], secret: plain}]\n", "6:49:invalid_value"},
    {ONE "notify: [{url: 'http://', on: [asked]}]\n", "6:16:invalid_value"},
    {ONE "notify: [{url: 'https:///hook', on: [asked]}]\n", "6:16:invalid_value"},
    {ONE "notify: [{url: '${input.url}', on: [asked]}]\n", "6:16:bad_reference"},
    {ONE "notify: [{url: http://a/b, on: [asked], secret: '${secrets.}'}]\n", "6:49:invalid_value"},
    {ONE "notify: [{url: http://a/b, on: [asked], secret: '${secrets.A'}]\n", "6:49:invalid_value"},
    {ONE "notify: [{url: http://a/b, on: [[asked]]}]\n", "6:33:invalid_value"},
    {ONE "notify: [{url: http://a/b, on: [1]}]\n", "6:33:invalid_value"},
    {ONE "notify: [5]\n", "6:10:wrong_type"},
    {ONE "notify: [{url: http://a/b}]\n", "6:10:missing_key"},
    {ONE "notify: [{on: [asked]}]\n", "6:10:missing_key"},
    {ONE "notify: [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]\n",
     "6:9:too_many"},
    {ONE "name: u\n", "6:1:duplicate_key"},
    {HEAD "phases: []\n", "3:9:missing_phases"},
    {HEAD "phases: {}\n", "3:9:wrong_type"},
    {HEAD "phases:\n  - text\n", "4:5:wrong_type"},
    /* inputs */
    {ONE "inputs: []\n", "6:9:wrong_type"},
    {ONE "inputs: {match: '*.png'}\n", "6:17:wrong_type"},
    {ONE "inputs: {match: []}\n", "6:17:invalid_value"},
    {ONE "inputs: {match: ['*.png', 7]}\n", "6:27:wrong_type"},
    {ONE "inputs: {match: [/etc/*]}\n", "6:18:wrong_type"},
    {ONE "inputs: {match: ['']}\n", "6:18:wrong_type"},
    {ONE "inputs: {mach: ['*.png']}\n", "6:10:unknown_key"},
    {ONE "inputs: {keep: copy}\n", "6:16:invalid_value"},
    /* params */
    {ONE "params: {x: 5}\n", "6:13:wrong_type"},
    {ONE "params: {x: {default: 5}}\n", "6:13:missing_key"},
    {ONE "params: {x: {type: nummber, default: 5}}\n", "6:20:invalid_value"},
    {ONE "params: {x: {type: number, default: five}}\n", "6:37:wrong_type"},
    {ONE "params: {x: {type: integer, default: 1.5}}\n", "6:38:wrong_type"},
    {ONE "params: {x: {type: number, default: 5, max: 4}}\n", "6:37:invalid_value"},
    {ONE "params: {x: {type: number, default: 5, min: 6}}\n", "6:37:invalid_value"},
    {ONE "params: {x: {type: string, default: c, enum: [a, b]}}\n", "6:37:invalid_value"},
    {ONE "params: {x: {type: string, default: a, enum: [a, 1]}}\n", "6:50:wrong_type"},
    {ONE "params: {x: {type: string, default: a, min: 1}}\n", "6:40:wrong_type"},
    {ONE "params: {x: {type: string}}\n", "6:10:missing_param"},
    {ONE "params: {X: {type: string, default: a}}\n", "6:10:invalid_value"},
    {ONE "params: {x: {type: string, defualt: a}}\n", "6:10:missing_param 6:28:unknown_key"},
    /* defaults and a phase's own policy */
    {ONE "defaults: {timeout: 60}\n", "6:21:bad_duration"},
    {ONE "defaults: {timeout: soon}\n", "6:21:bad_duration"},
    {ONE "defaults: {timeout: 0}\n", "6:21:bad_duration"},
    {ONE "defaults: {timeout: 8d}\n", "6:21:bad_duration"},
    {ONE "defaults: {result_max: much}\n", "6:24:invalid_value"},
    {ONE "defaults: {result_max: 63KiB}\n", "6:24:invalid_value"},
    {ONE "defaults: {result_max: 641MiB}\n", "6:24:invalid_value"},
    {ONE "    result_max: [1]\n", "6:17:invalid_value"},
    {ONE "defaults: {retry: 3}\n", "6:19:wrong_type"},
    {ONE "defaults: {retry: {max: -1}}\n", "6:25:invalid_value"},
    {ONE "defaults: {retry: {max: 1.5}}\n", "6:25:invalid_value"},
    {ONE "defaults: {retry: {max: many}}\n", "6:25:wrong_type"},
    {ONE "defaults: {retry: {backoff: 2h}}\n", "6:29:bad_duration"},
    {ONE "defaults: {retry: {when: [crash, timeuot]}}\n", "6:34:invalid_value"},
    {ONE "defaults: {isolation: landlock}\n", "6:23:invalid_value"},
    {ONE "defaults: {isolation: proces}\n", "6:23:invalid_value"},
    {ONE "    timeout: 5x\n", "6:14:bad_duration"},
    {ONE "    isolation: best-efort\n", "6:16:invalid_value"},
    {ONE "    retry: {whem: [crash]}\n", "6:13:unknown_key"},
    {ONE "    if: x\n", "6:5:not_yet"},
    {ONE "    for_each: x\n    cache: y\n    needs: []\n", "6:5:not_yet 7:5:not_yet 8:5:not_yet"},
    {ONE "    pool: GPU\n", "6:11:bad_name"},
    {ONE "    pool: [gpu]\n", "6:11:wrong_type"},
    {ONE "    whith: {}\n", "6:5:unknown_key"},
    /* ids */
    {HEAD "phases:\n  - uses: demo/plain\n", "4:5:missing_key"},
    {HEAD "phases:\n  - id: a\n", "4:5:missing_key"},
    {HEAD "phases:\n  - {id: 1st, uses: demo/plain}\n", "4:10:bad_id"},
    {HEAD "phases:\n  - {id: A, uses: demo/plain}\n", "4:10:bad_id"},
    {HEAD "phases:\n  - {id: input, uses: demo/plain}\n", "4:10:reserved_id"},
    {HEAD "phases:\n  - {id: models, uses: demo/plain}\n", "4:10:reserved_id"},
    {ONE "  - {id: a, uses: demo/plain}\n", "6:10:duplicate_id"},
    /* uses */
    {HEAD "phases:\n  - {id: a, uses: demo}\n", "4:19:invalid_value"},
    {HEAD "phases:\n  - {id: a, uses: demo/x/y}\n", "4:19:invalid_value"},
    {HEAD "phases:\n  - {id: a, uses: demo/}\n", "4:19:invalid_value"},
    {HEAD "phases:\n  - {id: a, uses: /plain}\n", "4:19:invalid_value"},
    {HEAD "phases:\n  - {id: a, uses: 5}\n", "4:19:wrong_type"},
    {HEAD "phases:\n  - {id: a, uses: [demo/plain]}\n", "4:19:wrong_type"},
    {HEAD "phases:\n  - {id: a, uses: '../gone.so#plain'}\n", "4:19:unknown_plugin"},
    {HEAD "phases:\n  - {id: a, uses: ./local.so}\n", "4:19:invalid_value"},
    {HEAD "phases:\n  - {id: a, uses: nowhere/plain}\n", "4:19:unknown_plugin"},
    {HEAD "phases:\n  - {id: a, uses: './gone.so#plain'}\n", "4:19:unknown_plugin"},
    {HEAD "phases:\n  - {id: a, uses: demo/plian}\n", "4:19:unknown_phase"},
    {HEAD "phases:\n  - {id: a, uses: demo/doubt}\n", "4:19:unknown_phase"},
    {HEAD "phases:\n  - {id: a, uses: foundry/gaet}\n", "4:19:unknown_phase"},
    {HEAD "phases:\n  - {id: a, uses: twice/plain}\n", "4:19:bad_plugin"},
    {HEAD "phases:\n  - {id: a, uses: broken/plain}\n", "4:19:bad_plugin"},
    {HEAD "phases:\n  - {id: a, uses: other/sad}\n", "4:19:bad_plugin"},
    /* with */
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n", "5:11:missing_key"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {lang: eng}\n", "6:11:missing_key"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: [1]\n", "6:11:wrong_type"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: 5}\n", "6:18:wrong_type"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: a, langg: eng}\n",
     "6:21:unknown_key"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: a, lang: fra}\n",
     "6:27:invalid_value"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: a, factor: 11}\n",
     "6:29:invalid_value"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with:\n      text: a\n      options:\n"
          "        deep: 1\n        deap: true\n",
     "9:15:wrong_type 10:9:unknown_key"},
    {HEAD "phases:\n  - id: a\n    uses: demo/plain\n    with: {x: 1}\n", "6:12:unknown_key"},
    /* a schema that does not close itself declares its keys all the same */
    {HEAD "phases:\n  - id: a\n    uses: demo/open\n    with: {mx: 1}\n", "6:12:unknown_key"},
    /* references */
    {ONE "    with: {a: '${b}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${a.text}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${b.text}'}\n  - {id: b, uses: demo/plain}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${inputt.file}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${item.x}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${env.HOME}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: 'x ${input.file'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${input..x}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${input[x]}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${input.a b}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${input[1}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${input[]}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${input[\"a}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${input[\"a\"}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${input[\"a\\\"]}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${secrets.1A}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${secrets.A.}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${params}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${params.x}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${run.jobs}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${secrets}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${secrets.a-b}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: '${secrets.A.b}'}\n", "6:15:bad_reference"},
    {ONE "    with: {a: [1, {b: '${c}'}]}\n", "6:23:bad_reference"},
    {ONE "    with: {a: '${params.x.y}'}\nparams: {x: {type: string, default: a}}\n",
     "6:15:bad_reference"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: x}\n  - id: b\n"
          "    uses: demo/any\n    with: {t: '${a.txt}', w: '${a.words.0.att}'}\n",
     "9:15:bad_reference 9:30:bad_reference"},
    {HEAD "phases:\n  - id: a\n    uses: nowhere/x\n    with: {a: '${b}', z: '${input.ok}'}\n",
     "5:11:unknown_plugin 6:15:bad_reference"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: x}\n"
          "  - {id: r, uses: foundry/gate, with: {of: a}}\n"
          "  - {id: b, uses: demo/any, with: {t: '${r.text}', u: '${r.txt}'}}\n",
     "8:55:bad_reference"},
    /* per job */
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: x, lang: '${input.l}'}\n",
     "6:27:not_per_job"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: x, lagn: '${input.l}'}\n",
     "6:21:unknown_key"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: x, lang: '${run.job}'}\n",
     "6:27:not_per_job"},
    /* grants */
    {HEAD "phases:\n  - id: a\n    uses: demo/save\n", "5:11:grant_missing"},
    {HEAD "phases:\n  - id: a\n    uses: demo/save\n    grant: {read: [/x]}\n",
     "5:11:grant_missing 6:20:useless_grant"},
    {HEAD "phases:\n  - id: a\n    uses: demo/save\n    grant: {write: ../x}\n", "6:20:bad_grant"},
    {HEAD "phases:\n  - id: a\n    uses: demo/save\n    grant: {write: /x}\n", "6:20:bad_grant"},
    {HEAD "phases:\n  - id: a\n    uses: demo/save\n    grant: {write: .foundry/x}\n",
     "6:20:bad_grant"},
    {HEAD "phases:\n  - id: a\n    uses: demo/save\n    grant: {write: true}\n", "6:20:wrong_type"},
    {HEAD "phases:\n  - id: a\n    uses: demo/save\n    grant: {write: ''}\n", "6:20:bad_grant"},
    {HEAD "phases:\n  - id: a\n    uses: demo/save\n    grant: {write: a/../b}\n",
     "6:20:bad_grant"},
    {HEAD "phases:\n  - id: a\n    uses: demo/model\n    grant: {read: [5, [x]]}\n",
     "6:20:bad_grant 6:23:bad_grant"},
    {ONE "    grant: {write: out}\n", "6:13:useless_grant"},
    {HEAD "phases:\n  - id: a\n    uses: demo/model\n", "5:11:grant_missing"},
    {HEAD "phases:\n  - id: a\n    uses: demo/model\n    grant: {read: [/opt/model]}\n",
     "5:11:grant_missing 6:20:useless_grant"},
    {HEAD "phases:\n  - id: a\n    uses: demo/model\n    grant: {read: [opt]}\n", "6:20:bad_grant"},
    {HEAD "phases:\n  - id: a\n    uses: demo/net\n", "5:11:grant_unsupported"},
    {ONE "    grant: {network: true}\n", "6:13:not_yet"},
    {ONE "    grant: out\n", "6:12:wrong_type"},
    /* a kind of the engine's own */
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {off: a}\n",
     "8:11:missing_key 8:12:unknown_key"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {of: b}\n", "8:16:unknown_phase"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {of: r}\n", "8:16:unknown_phase"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {of: '${input.x}'}\n",
     "8:16:not_per_job"
     " 8:16:unknown_phase"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {of: a, schema: gone.json}\n",
     "8:27:bad_file"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {of: a, schema: ''}\n", "8:27:wrong_type"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {of: a, schema: 5}\n", "8:27:wrong_type"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {of: a, schema: [x]}\n", "8:27:wrong_type"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {of: a, rate: '${input.x}'}\n",
     "8:25:not_per_job 8:25:bad_reference"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with:\n      of: a\n      detectors:\n"
         "        - {uses: demo/dout}\n        - {uses: demo/upper}\n"
         "        - {uses: demo/doubt}\n        - {uses: demo/doubt, with: {below: 2}}\n"
         "        - {uses: demo/doubt, with: {below: 0.5, hint: '${b}'}}\n"
         "        - {uses: demo/doubt, with: {below: '${input.x}'}}\n"
         "        - {uses: demo/files}\n",
     "11:18:unknown_detector 12:18:unknown_detector 13:18:missing_key 14:44:invalid_value "
     "15:55:bad_reference 16:44:not_per_job 17:18:grant_missing"},
    {ONE "  - id: r\n    uses: foundry/gate\n    with: {of: a}\n    grant: {write: out}\n",
     "9:13:useless_grant"},
    /* export */
    {ONE "export: {sft: gemini}\n", "6:15:wrong_type"},
    {ONE "export: {sft: {of: a}}\n", "6:15:missing_key"},
    {ONE "export: {sft: {format: 5}}\n", "6:24:wrong_type"},
    {ONE "export: {sft: {format: gemini, of: b}}\n", "6:36:unknown_phase"},
    {ONE "export: {sft: {format: gemini, prompt: '${input.x}'}}\n", "6:40:bad_reference"},
    {ONE "export: {SFT: {format: gemini}}\n", "6:10:bad_name"},
    {ONE "export: {redact: {}}\n", "6:18:wrong_type"},
    {ONE "export: {redact: []}\n", "6:18:wrong_type"},
    {ONE "export: {redact: [5]}\n", "6:19:wrong_type"},
    {ONE "export: {redact: [{action: mask}]}\n", "6:19:invalid_value"},
    {ONE "export: {redact: [{pointer: /a, pattern: b, action: mask}]}\n", "6:19:invalid_value"},
    {ONE "export: {redact: [{pointer: a, action: mask}]}\n", "6:29:invalid_value"},
    {ONE "export: {redact: [{pointer: /a~2, action: mask}]}\n", "6:29:invalid_value"},
    {ONE "export: {redact: [{pattern: '', action: mask}]}\n", "6:29:invalid_value"},
    {ONE "export: {redact: [{pattern: 'a(', action: mask}]}\n", "6:29:invalid_value"},
    {ONE "export: {redact: [{pattern: a, action: burn}]}\n", "6:40:invalid_value"},
    {ONE "export: {redact: [{pattern: a, action: hash, image: blur}]}\n", "6:53:invalid_value"},
    /* all of one pass, sorted by place */
    {"name: T\nfoundry: v3\nphases:\n  - id: a\n    uses: demo/upper\n    timeout: 5\n"
     "    with: {lang: 7}\n  - id: a\n    uses: no/thing\n",
     "1:7:bad_name 2:10:unknown_version 6:14:bad_duration 7:11:missing_key 7:18:wrong_type "
     "8:9:duplicate_id 9:11:unknown_plugin"},
};

Test(test_load, a_wrong_file_is_refused_at_its_places)
{
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fnd_pipeline *pipeline = fixture_load(fixture, bad[i].yaml);
        char *codes = fixture_codes(fixture);
        cr_expect_null(pipeline, "row %zu was accepted:\n%s", i, bad[i].yaml);
        cr_expect_str_eq(codes, bad[i].codes, "row %zu:\n%s\nexpected %s\nfound    %s\n%s", i,
                         bad[i].yaml, bad[i].codes, codes,
                         fixture->errors.count > 0 ? fixture->errors.list[0].message : "");
        for (size_t j = 0; j < fixture->errors.count; j++) {
            cr_expect_neq(strlen(fixture->errors.list[j].message), 0);
            cr_expect_not_null(strstr(fixture->errors.list[j].file, "t.yaml"));
        }
        free(codes);
        fnd_pipeline_destroy(pipeline);
    }
    fixture_destroy(fixture);
}

static const struct {
    const char *yaml, *code, *part;
} said[] = {
    {ONE "phase: []\n", "unknown_key", "did you mean `phases`?"},
    {ONE "colour: red\n", "unknown_key", "it takes foundry, name, summary"},
    {ONE "    for_each: x\n", "not_yet", "`for_each` comes in a later release"},
    {ONE "defaults: {timeout: 60}\n", "bad_duration", "60 without a unit"},
    {ONE "defaults: {isolation: sandbx}\n", "invalid_value", "did you mean `sandbox`?"},
    {ONE "defaults: {retry: {when: [timeuot]}}\n", "invalid_value", "did you mean `timeout`?"},
    {ONE "inputs: {mach: ['*.png']}\n", "unknown_key", "did you mean `match`?"},
    {ONE "params: {x: {type: nummber, default: 5}}\n", "invalid_value", "did you mean `number`?"},
    {ONE "params: {x: {type: string, default: c, enum: [a, b]}}\n", "invalid_value",
     "is c, must be one of a, b"},
    {ONE "params: {x: {type: string}}\n", "missing_param", "-p x="},
    {ONE "  - {id: a, uses: demo/plain}\n", "duplicate_id", "at line 4"},
    {HEAD "phases:\n  - {id: a, uses: demo/plian}\n", "unknown_phase", "did you mean `plain`?"},
    {HEAD "phases:\n  - {id: a, uses: demo/nothing}\n", "unknown_phase",
     "it has upper, plain, any"},
    {HEAD "phases:\n  - {id: a, uses: demo/doubt}\n", "unknown_phase", "`doubt` is a detector"},
    {HEAD "phases:\n  - {id: a, uses: foundry/gaet}\n", "unknown_phase",
     "did you mean `foundry/gate`?"},
    {HEAD "phases:\n  - {id: a, uses: nowhere/plain}\n", "unknown_plugin", "on the path"},
    {ONE "    with: {a: '${inputt.file}'}\n", "bad_reference", "did you mean `input`?"},
    {ONE "    with: {a: '${b}'}\n  - {id: b, uses: demo/plain}\n", "bad_reference", "comes later"},
    {ONE "    with: {a: '${a}'}\n", "bad_reference", "its own output"},
    {ONE "    with: {a: '${env.HOME}'}\n", "bad_reference", "reserved"},
    {ONE "    with: {a: '${run.atempt}'}\n", "bad_reference", "did you mean `attempt`?"},
    {ONE "    with: {a: '${input.file'}\n", "bad_reference", "`}` is missing"},
    {ONE "    with: {a: '${params.treshold}'}\nparams: {threshold: {type: number, default: 1}}\n",
     "bad_reference", "did you mean `threshold`?"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: x}\n  - id: b\n"
          "    uses: demo/any\n    with: {w: '${a.words.0.att}'}\n",
     "bad_reference", "the output of `a` has no `att` at /words/0 (did you mean `at`?)"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: x, lang: '${input.l}'}\n",
     "not_per_job", "what may differ from job to job: count, list, text"},
    {HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: {text: a, langg: eng}\n",
     "unknown_key", "lang"},
    {HEAD "phases:\n  - id: a\n    uses: demo/save\n", "grant_missing", "`grant: {write: out}`"},
    {HEAD "phases:\n  - id: a\n    uses: demo/model\n", "grant_missing",
     "`grant: {read: [/opt/models/a]}`"},
    {ONE "export: {sft: {format: gemini, of: b}}\n", "unknown_phase", "before it come a"},
};

Test(test_load, a_message_says_what_would_do)
{
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        cr_expect_null(fixture_load(fixture, said[i].yaml));
        const char *message = fixture_message(fixture, said[i].code);
        cr_expect_not_null(strstr(message, said[i].part), "row %zu: `%s` does not say `%s`", i,
                           message, said[i].part);
    }
    fixture_destroy(fixture);
}

Test(test_load, the_status_tells_a_wrong_file_from_a_plugin_that_cannot_load)
{
    static const struct {
        const char *yaml;
        enum fnd_status status;
    } rows[] = {
        {HEAD "phases:\n  - {id: a, uses: broken/plain}\n", FND_PLUGIN},
        {HEAD "phases:\n  - {id: a, uses: twice/plain}\n", FND_PLUGIN},
        {HEAD "phases:\n  - {id: a, uses: nowhere/plain}\n", FND_INVALID},
        {HEAD "phases:\n  - {id: a, uses: broken/plain}\n  - {id: a, uses: demo/plain}\n",
         FND_INVALID},
        {HEAD "a: [\n", FND_INVALID},
    };
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fnd_pipeline *pipeline = NULL;
        struct fnd_text path = {0}, source = {0};
        fixture->errors = (struct fnd_errors){0};
        fixture_write(fixture, "t.yaml", rows[i].yaml);
        fnd_text_printf(&path, "%s/t.yaml", fixture->folder);
        cr_expect_eq(fnd_pipeline_load(fnd_text_z(&path), &fixture->options, &pipeline,
                                       &fixture->errors, &source),
                     rows[i].status, "row %zu", i);
        cr_expect_str_eq(fnd_text_z(&source), rows[i].yaml);
        fnd_text_finish(&path);
        fnd_text_finish(&source);
    }
    fixture_destroy(fixture);
}

Test(test_load, rules_of_redaction_are_taken)
{
    struct fixture *fixture = fixture_create();
    fnd_pipeline_destroy(fixture_good(
        fixture,
        ONE "export: {redact: [{pattern: 'a+', action: hash, image: drop},"
            " {pointer: /a/*, action: drop, image: keep}, {pattern: b, action: mask}]}\n"));
    fixture_destroy(fixture);
}

Test(test_load, a_file_that_is_not_there_is_not_found)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline = NULL;
    cr_assert_eq(fnd_pipeline_load("/nowhere/at/all.yaml", &fixture->options, &pipeline,
                                   &fixture->errors, NULL),
                 FND_NOT_FOUND);
    cr_assert_eq(fixture->errors.count, 1);
    cr_assert_str_eq(fixture->errors.list[0].code, "no_file");
    cr_assert_str_eq(fixture->errors.list[0].file, "/nowhere/at/all.yaml");
    fixture_destroy(fixture);
}

Test(test_load, errors_beyond_the_twentieth_are_counted)
{
    struct fixture *fixture = fixture_create();
    struct fnd_text yaml = {0};
    fnd_text_append_z(&yaml, ONE);
    for (int i = 0; i < 30; i++) {
        fnd_text_printf(&yaml, "odd%d: 1\n", i);
    }
    cr_assert_null(fixture_load(fixture, fnd_text_z(&yaml)));
    cr_assert_eq(fixture->errors.count, FND_CONFIG_ERRORS_MAX);
    cr_assert_eq(fixture->errors.skipped, 10);
    fnd_text_finish(&yaml);
    fixture_destroy(fixture);
}

Test(test_load, more_phases_than_the_store_has_room_for_are_refused)
{
    struct fixture *fixture = fixture_create();
    struct fnd_text yaml = {0};
    fnd_text_append_z(&yaml, HEAD "phases:\n");
    for (int i = 0; i <= FND_PHASES_MAX; i++) {
        fnd_text_printf(&yaml, "  - {id: p%d, uses: demo/plain}\n", i);
    }
    cr_assert_null(fixture_load(fixture, fnd_text_z(&yaml)));
    char *codes = fixture_codes(fixture);
    cr_assert_str_eq(codes, "4:3:limit");
    free(codes);
    fnd_text_finish(&yaml);
    fixture_destroy(fixture);
}

Test(test_load, a_file_nested_as_deep_as_json_goes_is_refused)
{
    struct fixture *fixture = fixture_create();
    for (int depth = 40; depth < 64; depth++) {
        struct fnd_text yaml = {0};
        fnd_text_append_z(&yaml, ONE "    with: {a: ");
        for (int i = 0; i < depth; i++) {
            fnd_text_append_byte(&yaml, '[');
        }
        for (int i = 0; i < depth; i++) {
            fnd_text_append_byte(&yaml, ']');
        }
        fnd_text_append_z(&yaml, "}\n");
        struct fnd_pipeline *pipeline = fixture_load(fixture, fnd_text_z(&yaml));
        if (pipeline != NULL) {
            struct fnd_json pin = {0};
            cr_expect_eq(fnd_json_check(pipeline->pin, strlen(pipeline->pin), NULL, &pin, NULL),
                         FND_OK, "depth %d makes a pin that cannot be read", depth);
        } else {
            cr_expect_geq(depth, 59);
        }
        fnd_pipeline_destroy(pipeline);
        fnd_text_finish(&yaml);
    }
    fixture_destroy(fixture);
}
