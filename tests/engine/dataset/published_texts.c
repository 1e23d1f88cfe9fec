/* SPDX-License-Identifier: MIT */
/* The examples that are a file, page by page.
 *
 * The layouts are those of the pages named: members, order, nesting, types. Sentences, names and
 * numbers in them are ours, since a page's own may not be free to copy. */
#include "published.h"

const struct published published_texts[] = {
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
    {"gemini",
     "Google Cloud, Tune function calling: to generate text",
     1,
     "{'system_instruction': {'role': 'system', 'parts': [{'text': 'You are a ferry.'}]}, "
     "'contents': [{'role': 'user', 'parts': [{'text': 'Is there room on the one at nine?'}]}, "
     "{'role': 'model', 'parts': [{'functionCall': {'name': 'room', 'args': {'at': 9}}}]}], "
     "'tools': [{'functionDeclarations': [{'name': 'room', 'description': 'Free places', "
     "'parameters': {'type': 'OBJECT', 'properties': {'at': {'type': 'NUMBER'}}}}]}]}\n",
     {{"'system_instruction': {",
       "'systemInstruction': {'parts': [{'text': 'No.'}]}, "
       "'system_instruction': {",
       "1: has both systemInstruction and system_instruction"},
      {"'functionCall': {'name': 'room', ", "'functionCall': {",
       "1: /contents/1/parts/0/functionCall: is missing \"name\""},
      {"'args': {'at': 9}", "'args': 9", "1: /contents/1/parts/0/functionCall/args: "},
      {"{'text': 'Is there room on the one at nine?'}", "{'functionCall': {'name': 'room'}}",
       "1: /contents/0/parts/0/functionCall: only the model calls"},
      {"'role': 'model', ", "", "1: /contents/1: has no `role`"}}},
    {"gemini",
     "Google Cloud, Tune function calling: to support a chat session",
     1,
     "{'contents': [{'role': 'user', 'parts': [{'text': 'Is there room on the one at nine?'}]}, "
     "{'role': 'model', 'parts': [{'functionCall': {'name': 'room', 'args': {'at': 9}}}]}, "
     "{'parts': [{'functionResponse': {'name': 'room', 'response': {'output': 'True'}}}]}, "
     "{'role': 'model', 'parts': [{'text': 'Yes, there is.'}]}], "
     "'tools': [{'functionDeclarations': [{'name': 'room'}]}]}\n",
     {{"{'parts': [{'functionResponse'", "{'role': 'model', 'parts': [{'functionResponse'",
       "1: /contents/2/parts/0/functionResponse: the model calls, and is told"},
      {"'response': {'output': 'True'}", "'response': 'True'",
       "1: /contents/2/parts/0/functionResponse/response: "},
      {", 'response': {'output': 'True'}", "",
       "1: /contents/2/parts/0/functionResponse: is missing \"response\""},
      {"{'functionResponse': {'name': 'room', 'response': {'output': 'True'}}}", "{'text': 'Yes'}",
       "1: /contents/2: has no `role`"},
      {"{'parts': [{'functionResponse'",
       "{'role': 'function', 'parts': [{'text': 'a'}]}, "
       "{'parts': [{'functionResponse'",
       "1: /contents/2/role: "},
      {", {'role': 'model', 'parts': [{'text': 'Yes, there is.'}]}", "",
       "1: /contents/2: the last turn must be the model's"}}},
    {"gemini",
     "Google Cloud, Tune function calling: parallel function calling",
     1,
     "{'contents': [{'role': 'user', 'parts': [{'text': 'Which is the next with room?'}]}, "
     "{'role': 'model', 'parts': [{'functionCall': {'name': 'next', 'args': {}}}, "
     "{'functionCall': {'name': 'room', 'args': {'at': 9}}}]}], "
     "'tools': [{'functionDeclarations': [{'name': 'next'}, {'name': 'room'}]}]}\n",
     {{"{'functionCall': {'name': 'next', 'args': {}}}, {'functionCall'",
       "{'functionCall': {'name': 'next', 'args': {}}, 'functionCall'", "1: "}}},
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
    {"openai-chat",
     "OpenAI, API reference (OpenAPI description): FineTuneChatRequestInput, with what it calls "
     "deprecated",
     10,
     "{'messages': [{'role': 'user', 'content': 'Is it rough at sea?'}, "
     "{'role': 'assistant', 'content': null, 'function_call': {'name': 'sea', 'arguments': '{}'}, "
     "'weight': 1}, {'role': 'function', 'name': 'sea', 'content': 'calm'}, "
     "{'role': 'assistant', 'content': 'Not today.', 'weight': 0}], 'functions': [{'name': 'sea'}]}"
     "\n",
     {{"'weight': 0", "'weight': 0.5", "10: /messages/3/weight: "},
      {"'weight': 0", "'weight': true", "10: /messages/3/weight: "},
      {"'function_call': {'name': 'sea', 'arguments': '{}'}", "'function_call': null",
       "10: /messages/1: has no `content` but null"}}},
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
     "OpenAI, API reference (OpenAPI description): FineTunePreferenceRequestInput, with outputs "
     "that call a tool",
     10,
     "{'input': {'messages': [{'role': 'user', 'content': 'Is it rough at sea?'}], 'tools': "
     "[{'type': 'function', 'function': {'name': 'sea'}}], 'parallel_tool_calls': false}, "
     "'preferred_output': [{'role': 'assistant', 'tool_calls': [{'id': 'a', 'type': 'function', "
     "'function': {'name': 'sea', 'arguments': '{}'}}]}], "
     "'non_preferred_output': [{'role': 'assistant', 'content': 'How would I know?'}]}\n",
     {{"'tool_calls': [{", "'tool_calls': [], 'calls': [{",
       "10: /preferred_output/0: has no `content`"},
      {"{'role': 'assistant', 'content': 'How would I know?'}",
       "{'role': 'assistant', 'tool_calls': [{'function': {'arguments': '{}', 'name': 'sea'}, "
       "'type': 'function', 'id': 'a'}]}",
       "10: /non_preferred_output/0: is equal to"},
      {"'content': 'How would I know?'", "'content': null",
       "10: /non_preferred_output/0: has no `content`"}}},
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
     "Hugging Face TRL, Dataset formats and types: tool calling",
     1,
     "{'messages': [{'role': 'user', 'content': 'Light the lamp.'}, {'role': 'assistant', "
     "'tool_calls': [{'type': 'function', 'function': {'name': 'lamp', 'arguments': "
     "{'state': 'on'}}}]}, {'role': 'tool', 'name': 'lamp', 'content': 'It is lit.'}, "
     "{'role': 'assistant', 'content': 'Done.'}], 'tools': [{'type': 'function', 'function': "
     "{'name': 'lamp', 'parameters': {'type': 'object', 'properties': {}}}}]}\n",
     {{"'tools': [{'type'", "'tools': {'type'", "1: is no JSON"},
      {"[{'type': 'function', 'function': {'name': 'lamp', 'parameters': {'type': 'object', "
       "'properties': {}}}}]",
       "1", "1: /tools: "},
      {"'tool_calls': [{'type': 'function', 'function': {'name': 'lamp', 'arguments': "
       "{'state': 'on'}}}]",
       "'tool_calls': null", "1: /messages/1: has no `content`"},
      {"'role': 'assistant', 'tool_calls'", "'role': 'assistant', 'content': null, 'tool'",
       "1: /messages/1: has no `content` but null, and calls no tool"}}},
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
    {"trl-dpo",
     "Hugging Face TRL, Dataset formats and types: preference, standard, implicit prompt",
     1,
     "{'chosen': 'The sea is grey.', 'rejected': 'The sea is black.'}\n",
     {{"'The sea is black.'", "'The sea is grey.'", "1: /rejected: is equal to /chosen"},
      {"'The sea is black.'", "'A sea is black.'", "1: /rejected: does not begin as /chosen does"},
      {"'The sea is black.'", "''", "1: /rejected: "},
      {", 'rejected': 'The sea is black.'", "", "1: is missing \"rejected\""},
      {"'The sea is black.'", "[{'role': 'assistant', 'content': 'Black.'}]",
       "1: /rejected: must be a text"},
      {"{'chosen'", "{'prompt': 'The', 'chosen': 'a', 'rejected': 'b'}\n{'chosen'",
       "2: is of another type than the first line"}}},
    {"trl-dpo",
     "Hugging Face TRL, Dataset formats and types: preference, conversational, implicit prompt",
     1,
     "{'chosen': [{'role': 'user', 'content': 'What colour is the sea?'}, "
     "{'role': 'assistant', 'content': 'It is grey.'}], "
     "'rejected': [{'role': 'user', 'content': 'What colour is the sea?'}, "
     "{'role': 'assistant', 'content': 'It is black.'}]}\n",
     {{"It is black.", "It is grey.", "1: /rejected: is equal to /chosen"},
      {"What colour is the sea?", "What colour is the sky?",
       "1: /rejected: does not begin as /chosen does"},
      {", {'role': 'assistant', 'content': 'It is black.'}", "",
       "1: /rejected/0: the last message must be the assistant's"},
      {"'rejected': [{'role': 'user'", "'rejected': [{'role': 'sailor'", "1: /rejected/0/role: "},
      {"{'role': 'user', 'content': 'What colour is the sea?'}, "
       "{'role': 'assistant', 'content': 'It is black.'}",
       "{'role': 'assistant', 'content': 'It is black.'}", "1: /rejected: nobody asks"},
      {"{'chosen'", "{'images': ['https://boats.example/1.png'], 'chosen'", "1: /images: "}}},
    {"trl-dpo",
     "Hugging Face TRL, Dataset formats and types: preference, conversational, implicit prompt, "
     "with images as in its section on vision",
     1,
     "{'images': ['https://boats.example/1.png'], "
     "'chosen': [{'role': 'user', 'content': [{'type': 'image'}, {'type': 'text', 'text': "
     "'Which boat is it?'}]}, {'role': 'assistant', 'content': 'A ferry.'}], "
     "'rejected': [{'role': 'user', 'content': [{'type': 'image'}, {'type': 'text', 'text': "
     "'Which boat is it?'}]}, {'role': 'assistant', 'content': 'A tug.'}]}\n",
     {{"'rejected': [{'role': 'user', 'content': [{'type': 'image'}, ",
       "'rejected': [{'role': 'user', 'content': [", "1: /images: "}}},
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
    {"coco",
     "cocodataset.org, Results format: object detection (bounding boxes)",
     1,
     "[\n{'image_id': 397133, 'category_id': 44, 'bbox': [217.5, 240.25, 38.5, 58.5], 'score': "
     "0.75},\n{'image_id': 397133, 'category_id': 67, 'bbox': [1, 240.25, 346.5, 186.5], 'score': "
     "0.25}\n]\n",
     {{"'score': 0.25", "'score': 'low'", "3: /1/score: "},
      {", 'score': 0.25", "", "3: /1: is missing \"score\""},
      {"'image_id': 397133", "'image_id': 'a'", "3: /1/image_id: "},
      {"'image_id': 397133", "'image_id': 18446744073709551616", "3: /1/image_id: is no whole"},
      {"[1, 240.25, 346.5, 186.5]", "[1, 240.25, 346.5]", "3: /1/bbox: "},
      {"[1, 240.25, 346.5, 186.5]", "[1, 240.25, 0, 186.5]", "3: /1: has an empty box"},
      {"[1, 240.25, 346.5, 186.5]", "[-9, 240.25, 346.5, 186.5]", "3: /1: has a box that passes"}}},
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
      {"'Ferry'", "'Fe\\u0001rry'",
       "1: /annotations/0/result/0: has a label with a control character"},
      {"'Ferry'", "'Ferry\\uffff'",
       "1: /annotations/0/result/0: has a label with a control character"},
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
     "Argilla, import and export: to_list(flatten=True), whose columns are null where another "
     "record has something",
     1,
     "[{'id': '1', 'status': 'pending', '_server_id': null, 'text': 'Boats float.', 'source': "
     "null, 'label.suggestion': 'yes', 'label.suggestion.score': 0.5, 'label.suggestion.agent': "
     "null, 'label.responses': ['yes', 'no'], 'label.responses.users': "
     "['0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0', '1f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'], "
     "'label.responses.status': ['submitted', null]},\n"
     "{'id': '2', 'status': 'pending', '_server_id': null, 'text': 'Stones sink.', 'source': "
     "'quay', 'label.suggestion': null, 'label.suggestion.score': null, "
     "'label.suggestion.agent': null, 'label.responses': null, 'label.responses.users': null, "
     "'label.responses.status': null}]\n",
     {{"'label.responses.status': null", "'label.responses.status': ['pending']",
       "2: /label.responses.status/0: "},
      {"'label.responses.status': null", "'label.responses.status': ['draft']",
       "2: /label.responses.status: must have as many items as there are responses"},
      {"'label.suggestion.score': null", "'label.suggestion.score': 0.5",
       "2: /label.suggestion.score: belongs to a suggestion that is not there"},
      {"'label.suggestion.agent': null, 'label.responses': null",
       "'label.suggestion.agent': 'one', 'label.responses': null",
       "2: /label.suggestion.agent: belongs to a suggestion that is not there"},
      {"['yes', 'no']", "['yes', null]", "1: /label.responses/1: is null"},
      {"'1f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'", "null", "1: /label.responses.users/1: "},
      {"'text': 'Stones sink.', 'source': 'quay'", "'text': null, 'source': null",
       "2: holds nothing"},
      {"'id': '2'", "'id': '1'", "2: /id: is that of line 1"}}},
    {"argilla",
     "Argilla, Suggestions: a score for each of several values",
     1,
     "[{'id': null, 'text': 'Boats float.', 'topics.suggestion': ['sea', 'wood'], "
     "'topics.suggestion.score': [0.9, 0.8]}]\n",
     {{"[0.9, 0.8]", "[0.9]", "1: /topics.suggestion.score: has 1 scores for 2 values"},
      {"[0.9, 0.8]", "0.9", "1: /topics.suggestion.score: must be a list"},
      {"['sea', 'wood']", "'sea'", "1: /topics.suggestion.score: must be one number"},
      {"[0.9, 0.8]", "[0.9, -1]", "1: /topics.suggestion.score"}}},
    {"argilla",
     "Argilla, import and export: to_json, and to_disk (records.json)",
     1,
     "[{'id': '1', 'fields': {'text': 'Boats float.'}, 'metadata': {'source': 'quay'}, "
     "'suggestions': {'label': {'value': 'yes', 'score': 0.9, 'agent': null}, 'topics': "
     "{'value': ['sea', 'wood'], 'score': [0.9, 0.8], 'agent': null}}, 'responses': {'label': "
     "[{'value': 'yes', 'user_id': '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'}]}, 'vectors': "
     "{'text': [0, 0, 0.5]}, 'status': 'pending', '_server_id': null},\n"
     "{'id': '2', 'fields': {'text': 'Stones sink.'}, 'metadata': {}, 'suggestions': {}, "
     "'responses': {}, 'vectors': {}, 'status': 'pending', '_server_id': null}]\n",
     {{"'value': 'yes', 'score'", "'value': null, 'score'", "1: /suggestions/label/value: "},
      {"'value': 'yes', 'user_id'", "'value': null, 'user_id'", "1: /responses/label/0/value: "},
      {"'0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'", "null", "1: /responses/label/0/user_id: "},
      {"[0.9, 0.8]", "[0.9]", "1: /suggestions/topics/score: has 1 scores for 2 values"},
      {"'suggestions': {}", "'suggestions': null", "2: /suggestions: "},
      {"'responses': {}", "'responses': {'label': null}", "2: /responses/label: "},
      {"[0, 0, 0.5]", "[0, null, 0.5]", "1: /vectors/text/1: "},
      {"{'id': '2', 'fields': {'text': 'Stones sink.'}", "{'id': null, 'fields': {}",
       "2: /fields: is empty"}}},
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
      {"'content': 'The one at nine.'", "'content': null, 'tool_calls': null",
       "50: /response/choices/0/message: has no `content` but null"},
      {"'messages': [{", "'message': [{", "50: /request: is missing \"messages\""},
      {NULL, NULL, "0: the file has 1 example, and nvidia-flywheel takes no fewer than 50"}}},
};

const size_t published_texts_count = sizeof published_texts / sizeof published_texts[0];
