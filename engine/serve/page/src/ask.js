// SPDX-License-Identifier: MIT
// What a card takes out of an ask as the engine tells it.
import { is_object } from './json.js';
import { PageImage } from './page_image.js';
import { get, join, parent } from './pointer.js';
import { rule_read } from './rule.js';

/* Pointers in the order in which the form has them. */
export function in_order(pointers, card) {
    const places = new Map();
    const walk = (pointer) => {
        places.set(pointer, places.size);
        const value = get(card.edits.shown, pointer);
        if (Array.isArray(value)) {
            value.forEach((item, i) => walk(join(pointer, i)));
        } else if (is_object(value)) {
            card.members(pointer).forEach(walk);
        }
    };
    walk('');
    const place = (pointer) => places.get(pointer) ?? places.size;
    return pointers.sort((a, b) => place(a) - place(b));
}

const artifact_url = (ask, about) => about.url ?? `/v1/jobs/${ask.job.id}/artifacts/${encodeURIComponent(about.artifact ?? 'input')}`;
/** The picture that it came with; changed() is called when more of it is known. */
export function image_of(ask, changed) {
    return ask.image ? new PageImage(ask.image, artifact_url(ask, ask.image), changed) : null;
}

export function text_of(ask) {
    const { text } = ask;
    if (!text || text.value !== undefined || text.content !== undefined) {
        return text ?? null;
    }
    return { ...text, url: artifact_url(ask, text) };
}

/* Questions that are about no document: a value a key. */
export function questions_document(ask) {
    const document = Object.create(null);
    for (const question of ask.questions) {
        document[question.key] = question.value ?? null;
    }
    return document;
}

/* Arithmetic that the gate or its questions name: {rule, each, tolerance}. */
export function rules_of(ask, document) {
    const result = [];
    const add = (text, each, tolerance) => {
        const rule = typeof text === 'string' ? rule_read(text) : null;
        if (rule !== null && !result.some((known) => known.rule.text === rule.text && known.each === each)) {
            result.push({ rule, each, tolerance: Number(tolerance ?? 0) || 0 });
        }
    };
    for (const question of ask.questions) {
        const pointer = question.pointer ?? '';
        const is_item = Array.isArray(get(document, parent(pointer)));
        add(question.context?.rule, is_item ? parent(pointer) : null, question.context?.tolerance);
    }
    for (const { uses, with: config } of Array.isArray(ask.detectors) ? ask.detectors : []) {
        if (uses === 'detect/arithmetic') {
            add(config?.rule, config?.each ?? null, config?.tolerance ?? 0.01);
        }
    }
    return result;
}
