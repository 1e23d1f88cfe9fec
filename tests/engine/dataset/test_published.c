/* SPDX-License-Identifier: MIT */
/* Each format as whoever defined it shows it, and changes to it that they say are wrong.
 *
 * The layouts are those of the pages named: members, order, nesting, types. Sentences, names and
 * numbers in them are ours, since a page's own may not be free to copy. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pictures.h"
#include "support.h"

enum { CHANGES_MAX = 8 };

/** In texts ' stands for ". */
struct published {
    const char *format, *page;
    size_t copies; /* so many lines of it: as few as the trainer takes */
    const char *text;
    struct change {
        const char *from, *to; /* once, in the last copy; from NULL: the whole file has one line */
        const char *told;      /* where, by line and member, and what */
    } changes[CHANGES_MAX];
};

static const struct published texts[] = {
    {"gemini",
     "Google Cloud, Prepare supervised fine-tuning data for Gemini models: example",
     1,
     "{'systemInstruction': {'role': 'system', 'parts': [{'text': 'You are a ferry.'}]}, "
     "'contents': [{'role': 'user', 'parts': [{'text': 'When do you leave?'}]}, "
     "{'role': 'model', 'parts': [{'text': 'At six.'}]}, "
     "{'role': 'user', 'parts': [{'text': 'And after that?'}]}, "
     "{'role': 'model', 'parts': [{'text': 'At nine.'}]}]}\n",
     {{"'contents'", "'content'", "1: is missing \"contents\""},
      {"'role': 'model', 'parts': [{'text': 'At nine", "'role': 'assistant', 'parts': [{'text': 'A",
       "1: /contents/3/role: "},
      {"{'text': 'At six.'}",
       "{'text': 'At six.', 'fileData': {'mimeType': 'image/png', "
       "'fileUri': 'gs://quay/a.png'}}",
       "1: /contents/1/parts/0: "}}},
    {"gemini",
     "Google Cloud, Image tuning: dataset example for images",
     1,
     "{'contents': [{'role': 'user', 'parts': [{'fileData': {'mimeType': 'image/jpeg', "
     "'fileUri': 'gs://quay/boats/1.jpg'}}, {'text': 'Which boat is it?'}]}, "
     "{'role': 'model', 'parts': [{'text': 'A ferry.'}]}]}\n",
     {{"gs://quay/boats/1.jpg", "boats/1.jpg", "1: /contents/0/parts/0/fileData/fileUri: "},
      {"'mimeType': 'image/jpeg', ", "",
       "1: /contents/0/parts/0/fileData: is missing \"mimeType\""}}},
    {"openai-chat",
     "OpenAI, Supervised fine-tuning: formatting your data",
     10,
     "{'messages': [{'role': 'system', 'content': 'You are a ferry.'}, "
     "{'role': 'user', 'content': 'When do you leave?'}, "
     "{'role': 'assistant', 'content': 'At six.', 'weight': 0}, "
     "{'role': 'user', 'content': 'And after that?'}, "
     "{'role': 'assistant', 'content': 'At nine.', 'weight': 1}]}\n",
     {{"'messages'", "'prompt'", "10: is missing \"messages\""},
      {"'role': 'system'", "'role': 'narrator'", "10: /messages/0/role: "},
      {"'role': 'user', 'content': 'And", "'content': 'And",
       "10: /messages/3: is missing \"role\""},
      {"'role': 'assistant', 'content': 'At nine", "'role': 'user', 'content': 'At nine",
       "10: /messages/4: the last message must be the assistant's"},
      {"{'messages'", "['messages'", "10: is no JSON"},
      {NULL, NULL, "0: the file has 1 example, and openai-chat takes no fewer than 10"}}},
    {"openai-chat",
     "OpenAI, Supervised fine-tuning: example with a function call",
     10,
     "{'messages': [{'role': 'user', 'content': 'Is it rough at sea?'}, "
     "{'role': 'assistant', 'tool_calls': [{'id': 'call_1', 'type': 'function', 'function': "
     "{'name': 'sea', 'arguments': '{}'}}]}], 'parallel_tool_calls': false, "
     "'tools': [{'type': 'function', 'function': {'name': 'sea', 'description': 'Waves', "
     "'parameters': {'type': 'object', 'properties': {}}}}]}\n",
     {{"'parallel_tool_calls': false", "'parallel_tool_calls': 'no'", "10: /parallel_tool_calls: "},
      {"'tool_calls'", "'tool'", "10: /messages/1: has no `content`"}}},
    {"openai-chat",
     "OpenAI, Vision fine-tuning: data format",
     10,
     "{'messages': [{'role': 'system', 'content': 'You know boats.'}, "
     "{'role': 'user', 'content': 'Describe this boat.'}, "
     "{'role': 'user', 'content': [{'type': 'image_url', 'image_url': "
     "{'url': 'https://boats.example/1.png'}}]}, "
     "{'role': 'assistant', 'content': 'A ferry with two decks.'}]}\n",
     {{"'content': 'A ferry with two decks.'",
       "'content': [{'type': 'image_url', 'image_url': {'url': 'https://boats.example/2.png'}}]",
       "10: /messages/3/content/0"},
      {"https://boats.example/1.png", "boats/1.png", "10: /messages/2/content/0"},
      {"{'url': 'https://boats.example/1.png'}", "'https://boats.example/1.png'",
       "10: /messages/2/content"}}},
    {"openai-dpo",
     "OpenAI, Direct preference optimization: data format",
     10,
     "{'input': {'messages': [{'role': 'user', 'content': 'How cold is the sea?'}], 'tools': [], "
     "'parallel_tool_calls': true}, "
     "'preferred_output': [{'role': 'assistant', 'content': 'Nine degrees, so wear wool.'}], "
     "'non_preferred_output': [{'role': 'assistant', 'content': 'Not very cold today.'}]}\n",
     {{"'non_preferred_output'", "'other_output'", "10: is missing \"non_preferred_output\""},
      {"'Not very cold today.'}", "'No.'}, {'role': 'assistant', 'content': 'Yes.'}",
       "10: /non_preferred_output: "},
      {"{'role': 'assistant', 'content': 'Nine", "{'role': 'user', 'content': 'Nine",
       "10: /preferred_output/0/role: "},
      {"Not very cold today.", "Nine degrees, so wear wool.",
       "10: /non_preferred_output/0/content: is equal to"}}},
    {"openai-dpo",
     "Together AI, Preference fine-tuning: prepare your data",
     10,
     "{'input': {'messages': [{'role': 'assistant', 'content': 'Ahoy, what is it?'}, "
     "{'role': 'user', 'content': 'Who was Shackleton?'}]}, "
     "'preferred_output': [{'role': 'assistant', 'content': 'He led an expedition.'}], "
     "'non_preferred_output': [{'role': 'assistant', 'content': 'Someone of old.'}]}\n",
     {{"[{'role': 'assistant', 'content': 'Someone of old.'}]", "[]",
       "10: /non_preferred_output: "},
      {"'input': {'messages'", "'input': {'message'", "10: /input: is missing \"messages\""}}},
    {"trl-sft",
     "Hugging Face TRL, Dataset formats and types: language modeling, standard",
     1,
     "{'text': 'The sea is grey.'}\n",
     {{"'text'", "'txt'", "1: "}, {"'The sea is grey.'", "1", "1: /text: "}}},
    {"trl-sft",
     "Hugging Face TRL, Dataset formats and types: language modeling, conversational",
     1,
     "{'messages': [{'role': 'user', 'content': 'What colour is the sea?'}, "
     "{'role': 'assistant', 'content': 'It is grey.'}]}\n",
     {{"'role': 'user', ", "", "1: /messages/0: is missing \"role\""},
      {"'role': 'assistant'", "'role': 'sailor'", "1: /messages/1/role: "}}},
    {"trl-sft",
     "Hugging Face TRL, Dataset formats and types: prompt-completion, standard",
     1,
     "{'prompt': 'The sea is', 'completion': ' grey.'}\n",
     {{"'completion'", "'answer'", "1: "},
      {"' grey.'", "[{'role': 'assistant', 'content': 'It is grey.'}]", "1: /completion: "}}},
    {"trl-sft",
     "Hugging Face TRL, Dataset formats and types: prompt-completion, conversational",
     1,
     "{'prompt': [{'role': 'user', 'content': 'What colour is the sea?'}], "
     "'completion': [{'role': 'assistant', 'content': 'It is grey.'}]}\n",
     {{"[{'role': 'assistant', 'content': 'It is grey.'}]", "[]", "1: /completion: "},
      {"{'prompt'", "{'text': 'grey', 'prompt'", "1: "}}},
    {"trl-dpo",
     "Hugging Face TRL, Dataset formats and types: preference, standard",
     1,
     "{'prompt': 'The sea is', 'chosen': ' grey.', 'rejected': ' green.'}\n",
     {{"' green.'", "' grey.'", "1: /rejected: is equal to"},
      {", 'rejected': ' green.'", "", "1: is missing \"rejected\""},
      {"' green.'", "[{'role': 'assistant', 'content': 'Green.'}]", "1: /rejected: "}}},
    {"trl-dpo",
     "Hugging Face TRL, Dataset formats and types: preference, conversational",
     1,
     "{'prompt': [{'role': 'user', 'content': 'What colour is the sea?'}], "
     "'chosen': [{'role': 'assistant', 'content': 'It is grey.'}], "
     "'rejected': [{'role': 'assistant', 'content': 'It is green.'}]}\n",
     {{"It is green.", "It is grey.", "1: /rejected/0/content: is equal to"},
      {"'chosen'", "'preferred'", "1: is missing \"chosen\""}}},
    {"trl-kto",
     "Hugging Face TRL, Dataset formats and types: unpaired preference, standard",
     1,
     "{'prompt': 'The sea is', 'completion': ' grey.', 'label': true}\n"
     "{'prompt': 'The sky is', 'completion': ' green.', 'label': false}\n",
     {{"'label': false", "'label': 'false'", "2: /label: "},
      {", 'label': false", "", "2: is missing \"label\""}}},
    {"trl-kto",
     "Hugging Face TRL, Dataset formats and types: unpaired preference, conversational",
     1,
     "{'prompt': [{'role': 'user', 'content': 'What colour is the sea?'}], "
     "'completion': [{'role': 'assistant', 'content': 'It is green.'}], 'label': false}\n",
     {{"'label': false", "'label': 0", "1: /label: "},
      {"'role': 'assistant'", "'role': 'user'", "1: /completion/0/role: "}}},
    {"alpaca",
     "LLaMA-Factory, data/README: alpaca format, supervised fine-tuning dataset",
     1,
     "[\n  {\n    'instruction': 'Say when the ferry leaves.',\n    'input': 'from the quay',\n"
     "    'output': 'At nine.',\n    'system': 'You are a ferry.',\n    'history': [\n"
     "      ['And from the pier?', 'At six.'],\n      ['And back?', 'At eight.']\n    ]\n  }\n]\n",
     {{"'instruction'", "'prompt'", "2: is missing \"instruction\""},
      {"'output': 'At nine.',", "", "2: "},
      {"['And back?', 'At eight.']", "['And back?']", "2: /history/1: "},
      {"  }\n]", "  }\n", "the file ends inside of the array"}}},
    {"alpaca",
     "LLaMA-Factory, data/README: alpaca format, preference dataset",
     1,
     "[\n  {\n    'instruction': 'Say when the ferry leaves.',\n    'input': '',\n"
     "    'chosen': 'At nine.',\n    'rejected': 'Soon.'\n  }\n]\n",
     {{",\n    'rejected': 'Soon.'", "", "2: "},
      {"'Soon.'", "'At nine.'", "2: /rejected: is equal to"}}},
    {"alpaca",
     "LLaMA-Factory, data/README: alpaca format, KTO dataset",
     1,
     "[\n  {\n    'instruction': 'Say when the ferry leaves.',\n    'input': '',\n"
     "    'output': 'Soon.',\n    'kto_tag': false\n  }\n]\n",
     {{"'kto_tag': false", "'kto_tag': 'false'", "2: /kto_tag: "}}},
    {"alpaca",
     "LLaMA-Factory, data/README: alpaca format, multimodal dataset",
     1,
     "[\n  {\n    'instruction': '<image>Which boat is it?',\n    'input': '',\n"
     "    'output': 'A ferry.',\n    'images': [\n      'boats/1.png'\n    ]\n  }\n]\n",
     {{"<image>", "", "2: /images: "}, {"'boats/1.png'", "7", "2: /images/0: "}}},
    {"sharegpt",
     "LLaMA-Factory, data/README: sharegpt format, supervised fine-tuning dataset",
     1,
     "[\n  {\n    'conversations': [\n      {\n        'from': 'human',\n"
     "        'value': 'When do you leave?'\n      },\n      {\n        'from': 'function_call',\n"
     "        'value': 'clock'\n      },\n      {\n        'from': 'observation',\n"
     "        'value': 'five'\n      },\n      {\n        'from': 'gpt',\n"
     "        'value': 'In an hour.'\n      }\n    ],\n    'system': 'You are a ferry.',\n"
     "    'tools': '[]'\n  }\n]\n",
     {{"'from': 'human'", "'from': 'gpt'", "2: /conversations/0/from: must be human"},
      {"'from': 'gpt'", "'from': 'assistant'", "2: /conversations/3/from: "},
      {"'conversations'", "'messages'", "2: is missing \"conversations\""},
      {",\n      {\n        'from': 'gpt',\n        'value': 'In an hour.'\n      }", "",
       "2: /conversations: must end with an answer"}}},
    {"sharegpt",
     "LLaMA-Factory, data/README: sharegpt format, preference dataset",
     1,
     "[\n  {\n    'conversations': [\n      {\n        'from': 'human',\n"
     "        'value': 'When do you leave?'\n      }\n    ],\n    'chosen': {\n"
     "      'from': 'gpt',\n      'value': 'At nine.'\n    },\n    'rejected': {\n"
     "      'from': 'gpt',\n      'value': 'Soon.'\n    }\n  }\n]\n",
     {{"'Soon.'", "'At nine.'", "2: /rejected/value: is equal to"},
      {"'rejected'", "'reject'", "2: "},
      {"      'from': 'gpt',\n      'value': 'Soon.'", "      'value': 'Soon.'",
       "2: /rejected: is missing \"from\""}}},
    {"coco",
     "cocodataset.org, Data format: object detection",
     1,
     "{\n  'info': {'year': 2017, 'version': '1.0', 'description': 'Boats', 'contributor': 'us', "
     "'url': 'https://boats.example', 'date_created': '2017/09/01'},\n"
     "  'licenses': [{'id': 1, 'name': 'MIT', 'url': 'https://boats.example/mit'}],\n"
     "  'images': [{'id': 397133, 'width': 640, 'height': 427, 'file_name': '000000397133.jpg', "
     "'license': 1, 'flickr_url': 'https://boats.example/f', 'coco_url': "
     "'https://boats.example/c', 'date_captured': '2013-11-14 17:02:52'}],\n"
     "  'annotations': [\n    {'id': 82445, 'image_id': 397133, 'category_id': 44, "
     "'segmentation': [[217.5, 240.25, 256, 240.25, 256, 298.75]], 'area': 1126.125, "
     "'bbox': [217.5, 240.25, 38.5, 58.5], 'iscrowd': 0},\n"
     "    {'id': 119568, 'image_id': 397133, 'category_id': 67, 'segmentation': "
     "{'counts': [12, 5], 'size': [427, 640]}, 'area': 5, 'bbox': [1.0, 240.25, 346.5, 186.5], "
     "'iscrowd': 1}\n  ],\n"
     "  'categories': [{'id': 44, 'name': 'bottle', 'supercategory': 'kitchen'}, "
     "{'id': 67, 'name': 'dining table', 'supercategory': 'furniture'}]\n}\n",
     {{"'image_id': 397133, 'category_id': 67", "'image_id': 7, 'category_id': 67",
       "7: /annotations/1"},
      {"'category_id': 67", "'category_id': 90", "7: /annotations/1"},
      {"'id': 119568", "'id': 82445", "7: /annotations/1"},
      {"'iscrowd': 1", "'iscrowd': 2", "7: /annotations/1/iscrowd: "},
      {"[1.0, 240.25, 346.5, 186.5]", "[1.0, 240.25, 346.5]", "7: /annotations/1/bbox: "},
      {"[1.0, 240.25, 346.5, 186.5]", "[601.0, 240.25, 346.5, 186.5]", "7: /annotations/1"},
      {"'width': 640, ", "", "4: /images/0: is missing \"width\""},
      {"'categories'", "'classes'", "1: : is missing \"categories\""}}},
    {"label-studio",
     "Label Studio, Import pre-annotated data: example JSON of image predictions",
     1,
     "[{\n  'data': {\n    'image': '/static/samples/boat.jpg'\n  },\n\n  'predictions': [{\n"
     "    'model_version': 'one',\n    'score': 0.5,\n    'result': [\n      {\n"
     "        'id': 'result1',\n        'type': 'rectanglelabels',\n"
     "        'from_name': 'label', 'to_name': 'image',\n"
     "        'original_width': 600, 'original_height': 403,\n        'image_rotation': 0,\n"
     "        'value': {\n          'rotation': 0,\n          'x': 4.98, 'y': 12.82,\n"
     "          'width': 32.52, 'height': 44.91,\n          'rectanglelabels': ['Ferry']\n"
     "        }\n      },\n      {\n        'id': 'result3',\n        'type': 'choices',\n"
     "        'from_name': 'choice', 'to_name': 'image',\n        'value': {\n"
     "          'choices': ['At sea']\n      }\n    }]\n  }]\n}]\n",
     {{"'x': 4.98", "'x': 504.98", "1: /predictions/0/result/0/value/x: "},
      {"'width': 32.52", "'width': 95.5", "1: /predictions/0/result/0: passes the picture's edge"},
      {"'result3'", "'result1'", "1: /predictions/0/result/1: has the id of item 0"},
      {"'height': 44.91,", "", "1: /predictions/0/result/0/value: is missing \"height\""},
      {"'from_name': 'label', ", "", "1: /predictions/0/result/0: is missing \"from_name\""},
      {"'data': {\n    'image'", "'data': {\n    'audio'", "1: /data: is missing \"image\""},
      {"'result': [", "'results': [", "1: /predictions/0: is missing \"result\""}}},
    {"label-studio",
     "Label Studio, Label Studio JSON format of annotated tasks",
     1,
     "[{\n'id': 1,\n'created_at': '2021-03-09T21:52:49.513742Z',\n'project': 83,\n'data': {\n"
     "'image': 'https://boats.example/1.jpg'\n},\n'annotations': [\n{\n'id': '1001',\n'result': "
     "[\n{\n'from_name': 'tag',\n'id': 'Dx_aB91ISN',\n'source': '$image',\n'to_name': 'img',\n"
     "'type': 'rectanglelabels',\n'value': {\n'height': 10.458911419423693,\n'rectanglelabels': "
     "[\n'Ferry'\n],\n'rotation': 0,\n'width': 12.4,\n'x': 50.8,\n'y': 5.869797225186766\n}\n}\n],"
     "\n'was_cancelled': false,\n'ground_truth': false,\n'lead_time': 4.288,\n'result_count': 0,\n"
     "'task': 1,\n'completed_by': 10\n}\n],\n'predictions': []\n}]\n",
     {{"[\n'Ferry'\n]", "[]", "1: /annotations/0/result/0/value/rectanglelabels: "},
      {"'y': 5.869797225186766", "'y': '5.87'", "1: /annotations/0/result/0/value/y: "}}},
    {"argilla",
     "Argilla, Add, update and delete records: suggestions from a generic structure",
     1,
     "[\n{\n'question': 'Do boats float?',\n'answer': 'Yes',\n'my_label.suggestion': 'positive',\n"
     "'my_label.suggestion.score': 0.9,\n'my_label.suggestion.agent': 'model_name'\n},\n"
     "{\n'question': 'Do stones float?',\n'answer': 'No',\n'my_label.suggestion': 'negative',\n"
     "'my_label.suggestion.score': 0.9,\n'my_label.suggestion.agent': 'model_name'\n}\n]\n",
     {{"0.9,\n'my_label.suggestion.agent': 'model_name'\n}\n]",
       "9,\n'my_label.suggestion.agent': 'model_name'\n}\n]", "9: /my_label.suggestion.score: "},
      {"'my_label.suggestion': 'negative',\n", "", "9: /my_label.suggestion.score: "}}},
    {"argilla",
     "Argilla, import and export: flattened records with responses",
     1,
     "[{'id': '1', 'text': 'Boats float.', 'label.suggestion': 'positive', "
     "'label.suggestion.score': 0.5, 'label.suggestion.agent': 'model_name', "
     "'label.responses': ['positive', 'negative'], 'label.responses.status': "
     "['submitted', 'draft'], 'label.responses.users': "
     "['0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0', '1f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0']}]\n",
     {{"'draft'", "'pending'", "1: /label.responses.status/1: "},
      {"'submitted', 'draft'", "'submitted'", "1: /label.responses"},
      {"1f1e2d3c-4b5a", "ann-4b5a", "1: /label.responses.users/1: "}}},
    {"nvidia-flywheel",
     "NVIDIA, Data Flywheel Blueprint, README: log schema",
     50,
     "{'timestamp': 1715854074, 'workload_id': 'tool_call_routing', 'client_id': 'quay-prod', "
     "'request': {'model': 'llama-3-70b-instruct', 'messages': [{'role': 'user', 'content': "
     "'Which ferry may I take?'}], 'temperature': 0.2, 'max_tokens': 1024}, 'response': "
     "{'id': 'chatcmpl-abc123', 'object': 'chat.completion', 'created': 1715854074, 'model': "
     "'llama-3-70b-instruct', 'choices': [{'index': 0, 'message': {'role': 'assistant', "
     "'content': 'The one at nine.'}, 'finish_reason': 'stop'}], 'usage': {'prompt_tokens': 15, "
     "'completion_tokens': 72, 'total_tokens': 87}}}\n",
     {{"'workload_id': 'tool_call_routing', ", "", "50: is missing \"workload_id\""},
      {"'timestamp': 1715854074", "'timestamp': '2024-05-16'", "50: /timestamp: "},
      {"'client_id': 'quay-prod', ", "", "50: is missing \"client_id\""},
      {"'choices': [{", "'choices': [], 'others': [{", "50: /response/choices: "},
      {"'messages': [{", "'message': [{", "50: /request: is missing \"messages\""},
      {NULL, NULL, "0: the file has 1 example, and nvidia-flywheel takes no fewer than 50"}}},
};

/** ' becomes ". */
static void quotes(char *text)
{
    for (; *text != '\0'; text++) {
        *text = *text == '\'' ? '"' : *text;
    }
}

static void said(void *context, const struct fnd_dataset_note *note)
{
    if (!note->warning) {
        fnd_text_printf(context, "%s%s%zu: %s\n", note->file != NULL ? note->file : "",
                        note->file != NULL ? ":" : "", note->line, note->message);
    }
}

static enum fnd_status look(const char *path, const char *format, struct fnd_text *told)
{
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    fnd_text_clear(told);
    enum fnd_status status = fnd_dataset_validate(path, format, said, told, &checked, &error);
    cr_assert(status == FND_OK || status == FND_INVALID, "%s", error.message);
    cr_assert_eq(status == FND_INVALID, checked.errors > 0);
    return status;
}

/** The example, with one place changed; the last `change->from` in the file. */
static void make(const struct published *one, const struct change *change, struct fnd_text *file)
{
    const bool alone = change != NULL && change->from == NULL;
    fnd_text_clear(file);
    for (size_t i = 0; i < (alone ? 1 : one->copies); i++) {
        const char *text = one->text, *at = NULL;
        if (change != NULL && !alone && i + 1 == one->copies) {
            for (const char *next = strstr(text, change->from); next != NULL;
                 next = strstr(next + 1, change->from)) {
                at = next;
            }
            cr_assert(at != NULL, "%s: \"%s\" is not in it", one->page, change->from);
            fnd_text_append(file, text, (size_t)(at - text));
            fnd_text_append_z(file, change->to);
            text = at + strlen(change->from);
        }
        fnd_text_append_z(file, text);
    }
    quotes(file->bytes);
}

static enum fnd_status look_at(const struct fnd_text *file, const char *format,
                               struct fnd_text *told)
{
    char path[] = "/tmp/foundry-published-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fnd_write_all(fd, file->bytes, file->size), 0);
    close(fd);
    enum fnd_status status = look(path, format, told);
    unlink(path);
    return status;
}

Test(published, examples_are_taken_and_what_their_publishers_call_wrong_is_not)
{
    struct fnd_text file = {0}, told = {0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct published *one = &texts[i];
        make(one, NULL, &file);
        cr_expect_eq(look_at(&file, one->format, &told), FND_OK, "%s (%s): %s", one->page,
                     one->format, fnd_text_z(&told));
        cr_assert(one->changes[0].told != NULL, "%s: no change", one->page);
        for (size_t k = 0; k < CHANGES_MAX && one->changes[k].told != NULL; k++) {
            make(one, &one->changes[k], &file);
            cr_expect_eq(look_at(&file, one->format, &told), FND_INVALID,
                         "%s (%s), change %zu was taken: %s", one->page, one->format, k,
                         fnd_text_z(&file));
            cr_expect(strstr(fnd_text_z(&told), one->changes[k].told) != NULL,
                      "%s (%s), change %zu: \"%s\" is not in: %s", one->page, one->format, k,
                      one->changes[k].told, fnd_text_z(&told));
        }
    }
    fnd_text_finish(&file);
    fnd_text_finish(&told);
}

/* --- formats that are a folder ---------------------------------------------------------------- */

#define YAML                                                                                       \
    "# Train/val/test sets as folders\npath: ../datasets/boats # dataset root dir\n"               \
    "train: images/train # train images (relative to 'path') 1 image\n"                            \
    "val: images/val # val images (relative to 'path') 1 image\ntest: # test images (optional)\n"  \
    "\n# Classes\nnames:\n  0: ferry\n  1: tug\n  2: buoy\n"
#define BOXES                                                                                      \
    "{'file_name': '0001.png', 'objects': {'bbox': [[302.0, 109.0, 73.0, 52.0]], 'categories': "   \
    "[0]}}\n{'file_name': '0002.png', 'objects': {'bbox': [[160.0, 31.0, 248.0, 116.0], [341.0, "  \
    "68.0, 202.0, 101.0]], 'categories': [2, 2]}}\n"
#define TEXTS                                                                                      \
    "{'file_name': '0001.png', 'text': 'A ferry at the quay'}\n"                                   \
    "{'file_name': '0002.png', 'text': 'One tug'}\n"

static const struct folder {
    const char *format, *page;
    const char *pictures[2];
    struct {
        const char *path, *text;
    } files[2]; /* the first is the one that is changed */
    struct change changes[CHANGES_MAX];
} folders[] = {
    {"yolo",
     "Ultralytics, Object detection datasets overview: YOLO format, labels",
     {"images/train/boat.png", "images/val/boat.png"},
     {{"labels/train/boat.txt", "0 0.48 0.63 0.69 0.71\n0 0.74 0.52 0.31 0.93\n2 0.36 0.79 0.07 "
                                "0.40\n"},
      {"data.yaml", YAML}},
     {{"2 0.36", "3 0.36", "labels/train/boat.txt:3: class: is 3"},
      {"2 0.36 0.79 0.07 0.40", "2 230 158 45 80", "labels/train/boat.txt:3: x_center: is 230"},
      {"2 0.36 0.79 0.07 0.40", "2 0.36 0.79 0.07", "labels/train/boat.txt:3: has 4 values"},
      {"2 0.36 0.79 0.07 0.40", "buoy 0.36 0.79 0.07 0.40", "labels/train/boat.txt:3: value 1"}}},
    {"yolo",
     "Ultralytics, Object detection datasets overview: YOLO format, data.yaml",
     {"images/train/boat.png", "images/val/boat.png"},
     {{"data.yaml", YAML}},
     {{"val: images/val", "valid: images/val", "data.yaml:0: val: is missing"},
      {"2: buoy", "3: buoy", "data.yaml:11: names: \"3\" stands where class 2 must"},
      {"names:", "labels:", "data.yaml:0: names: "},
      {"train: images/train", "train: pictures", "data.yaml:3: pictures: cannot be opened"}}},
    {"hf",
     "Hugging Face Datasets, Create an image dataset: object detection",
     {"train/0001.png", "train/0002.png"},
     {{"train/metadata.jsonl", BOXES}},
     {{"'0002.png'", "'0003.png'", "train/metadata.jsonl:2: /file_name: "},
      {"'file_name': '0002.png', ", "", "train/metadata.jsonl:2: /file_name: is missing"},
      {"[2, 2]", "[2]", "train/metadata.jsonl:2: /objects: has 2 boxes and 1 categories"},
      {"[2, 2]", "['buoy', 'buoy']",
       "train/metadata.jsonl:2: /objects/categories/0: is of another type"},
      {"[341.0, 68.0, 202.0, 101.0]", "[341.0, 68.0, 202.0]", "train/metadata.jsonl:2: /row/obj"},
      {"{'file_name': '0002.png'", "['file_name': '0002.png'", "train/metadata.jsonl:2: is no J"}}},
    {"hf",
     "Hugging Face Datasets, Create an image dataset: image captioning",
     {"train/0001.png", "train/0002.png"},
     {{"train/metadata.jsonl", TEXTS}},
     {{"'0002.png'", "'0003.png'", "train/metadata.jsonl:2: /file_name: "},
      {"'One tug'", "1", "train/metadata.jsonl:2: /row/text: "},
      {"'text': 'One tug'", "'objects': {'bbox': [], 'categories': []}",
       "train/metadata.jsonl:2: holds boxes in pictures"}}},
    {"hf",
     "Hugging Face Hub, Datasets: manual configuration (configs in the card)",
     {"train/0001.png", "train/0002.png"},
     {{"README.md", "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n"
                    "    path: train/metadata.jsonl\n---\n# Boats\n"},
      {"train/metadata.jsonl", BOXES}},
     {{"path: train/metadata.jsonl", "path: train/data.jsonl",
       "README.md:6: configs: there is no train/data.jsonl"}}},
};

static void put(const char *folder, const char *name, const void *bytes, size_t size)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    fnd_text_printf(&path, "%s/%s", folder, name);
    for (char *slash = strchr(path.bytes + strlen(folder) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path.bytes, 0777);
        *slash = '/';
    }
    cr_assert_eq(fnd_file_write(AT_FDCWD, path.bytes, bytes, size, 0666, &error), FND_OK, "%s",
                 error.message);
    fnd_text_finish(&path);
}

static enum fnd_status look_in(const struct scene *scene, size_t number, const struct folder *one,
                               const struct change *change, struct fnd_text *told)
{
    char path[PATH_SIZE], name[32];
    struct fnd_text text = {0};
    uint8_t png[PNG_SIZE];
    png_make(png, 2, 128, 200); /* 640 by 200 */
    snprintf(name, sizeof name, "foreign-%zu", number);
    scene_path(scene, name, path);
    mkdir(path, 0777);
    for (size_t i = 0; i < 2; i++) {
        put(path, one->pictures[i], png, sizeof png);
        if (one->files[i].path == NULL) {
            continue;
        }
        const struct published as = {.page = one->page, .copies = 1, .text = one->files[i].text};
        make(&as, i == 0 ? change : NULL, &text);
        put(path, one->files[i].path, text.bytes, text.size);
    }
    enum fnd_status status = look(path, one->format, told);
    fnd_text_finish(&text);
    return status;
}

Test(published, folders_are_taken_and_what_their_publishers_call_wrong_is_not)
{
    struct scene scene;
    struct fnd_text told = {0};
    scene_begin(&scene, 91);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const struct folder *one = &folders[i];
        cr_expect_eq(look_in(&scene, i * 100, one, NULL, &told), FND_OK, "%s: %s", one->page,
                     fnd_text_z(&told));
        for (size_t k = 0; k < CHANGES_MAX && one->changes[k].told != NULL; k++) {
            const struct change *change = &one->changes[k];
            cr_expect_eq(look_in(&scene, i * 100 + k + 1, one, change, &told), FND_INVALID,
                         "%s, change %zu was taken", one->page, k);
            cr_expect(strstr(fnd_text_z(&told), change->told) != NULL,
                      "%s, change %zu: \"%s\" is not in: %s", one->page, k, change->told,
                      fnd_text_z(&told));
        }
    }
    fnd_text_finish(&told);
    scene_end(&scene);
}

/* Every format that is exported for others is in one of the tables. */
Test(published, no_format_is_left_out)
{
    static const char *const formats[] = {"gemini",  "openai-chat",    "openai-dpo", "trl-sft",
                                          "trl-dpo", "trl-kto",        "alpaca",     "sharegpt",
                                          "coco",    "yolo",           "hf",         "label-studio",
                                          "argilla", "nvidia-flywheel"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        size_t found = 0;
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            found += strcmp(texts[k].format, formats[i]) == 0;
        }
        for (size_t k = 0; k < sizeof folders / sizeof folders[0]; k++) {
            found += strcmp(folders[k].format, formats[i]) == 0;
        }
        cr_assert_gt(found, 0, "%s", formats[i]);
    }
}
