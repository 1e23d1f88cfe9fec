// SPDX-License-Identifier: MIT
// What a person changed on a document: values by pointer and removals, both meant on the document
// as it was shown, which is how the engine takes an answer.
import { is_number, is_object, same } from './json.js';
import { get, is_below, join, parent, put, split } from './pointer.js';

export class Edits {
    /** shown: the document as the model left it. */
    constructor(shown) {
        this.shown = shown;
        this.values = new Map();
        this.removed = new Set();
    }

    /** The value at a place as it stands now. */
    value(pointer) {
        let found = this.values.get(pointer);
        if (this.values.has(pointer)) {
            return found;
        }
        for (let at = pointer; at !== ''; ) {
            at = parent(at);
            if (this.values.has(at)) {
                found = get(this.values.get(at), pointer.slice(at.length));
                return found;
            }
        }
        return this.#with_below(pointer, get(this.shown, pointer));
    }

    #with_below(pointer, value) {
        let result = value;
        for (const [at, changed] of this.values) {
            if (at.length > pointer.length && at.startsWith(`${pointer}/`)) {
                result = put(result, at.slice(pointer.length), changed);
            }
        }
        return result;
    }

    /** Change one place. A place that is as it was shown is no change. */
    set(pointer, value) {
        const above = this.#changed_above(pointer);
        if (above !== null) {
            this.values.set(above, put(this.values.get(above), pointer.slice(above.length), value));
            return;
        }
        for (const at of [...this.values.keys()]) {
            if (at.startsWith(`${pointer}/`)) {
                this.values.delete(at);
            }
        }
        const before = get(this.shown, pointer);
        if (before !== undefined && same(before, value) && String(before) === String(value)) {
            this.values.delete(pointer);
        } else if (before === undefined && value === null) {
            this.values.delete(pointer);
        } else {
            this.values.set(pointer, value);
        }
    }

    #changed_above(pointer) {
        for (let at = pointer; at !== ''; ) {
            at = parent(at);
            if (this.values.has(at) && typeof this.values.get(at) === 'object' && this.values.get(at) !== null) {
                return at;
            }
        }
        return null;
    }

    is_changed(pointer) {
        if (this.values.has(pointer)) {
            return true;
        }
        const above = this.#changed_above(pointer);
        return above !== null && !same(this.value(pointer), get(this.shown, pointer));
    }

    /** The rows of an array: [{pointer, value, is_added, is_removed}], in the order of the answer. */
    rows(pointer) {
        const shown = get(this.shown, pointer);
        const count = Array.isArray(shown) ? shown.length : 0;
        const result = [];
        for (let i = 0; ; i++) {
            const at = join(pointer, i);
            const value = this.value(at);
            if (i >= count && value === undefined) {
                return result;
            }
            result.push({ pointer: at, index: i, value, is_added: i >= count, is_removed: this.removed.has(at) });
        }
    }

    /** A new row behind the last one. Returns its pointer. */
    add(pointer, value) {
        if (!Array.isArray(this.value(pointer))) {
            this.values.set(pointer, [value]);
            return join(pointer, 0);
        }
        const at = join(pointer, this.rows(pointer).length);
        const above = this.#changed_above(at);
        if (above !== null) {
            this.values.set(above, put(this.values.get(above), at.slice(above.length), value));
        } else {
            this.values.set(at, value);
        }
        return at;
    }

    /** Take a row out: one of the model's is marked and can come back, an added one is gone. */
    remove(pointer) {
        if (get(this.shown, pointer) !== undefined) {
            this.removed.add(pointer);
            return;
        }
        const list = parent(pointer), index = Number(split(pointer).pop());
        const above = this.#changed_above(pointer);
        if (above !== null) {
            const rest = this.value(list).filter((unused, i) => i !== index);
            this.values.set(above, above === list ? rest : put(this.values.get(above), list.slice(above.length), rest));
            return;
        }
        const behind = this.rows(list).filter((row) => row.is_added && row.index > index);
        let at = pointer;
        for (const row of behind) {
            this.values.set(at, row.value);
            at = row.pointer;
        }
        this.values.delete(at);
    }

    restore(pointer) {
        this.removed.delete(pointer);
    }

    /** Back to what was shown, at a place and below it. */
    reset(pointer) {
        for (const at of [...this.values.keys()]) {
            if (is_below(at, pointer)) {
                this.values.delete(at);
            }
        }
    }

    get is_empty() {
        return this.values.size === 0 && this.removed.size === 0;
    }

    /** The document as the answer would leave it. */
    document() {
        let result = this.shown;
        for (const [pointer, value] of this.#in_order()) {
            result = put(result, pointer, value);
        }
        const drop = (node, pointer) => {
            if (Array.isArray(node)) {
                return node
                    .map((item, i) => [item, join(pointer, i)])
                    .filter(([, at]) => !this.removed.has(at))
                    .map(([item, at]) => drop(item, at));
            }
            if (is_object(node)) {
                const copy = Object.create(null);
                for (const key of Object.keys(node)) {
                    const at = join(pointer, key);
                    if (!this.removed.has(at)) {
                        copy[key] = drop(node[key], at);
                    }
                }
                return copy;
            }
            return node;
        };
        return this.removed.size === 0 ? result : drop(result, '');
    }

    /* Added rows must come one behind the other. */
    #in_order() {
        const key = (pointer) => split(pointer).map((part) => (/^[0-9]+$/.test(part) ? part.padStart(12, '0') : part)).join('/');
        return [...this.values].sort(([a], [b]) => (key(a) < key(b) ? -1 : 1));
    }

    /** {values, removed} of an answer. What lies in a removed row is not said twice. */
    answer() {
        const values = Object.create(null);
        for (const [pointer, value] of this.#in_order()) {
            if (![...this.removed].some((at) => is_below(pointer, at))) {
                values[pointer] = value;
            }
        }
        return { values, removed: [...this.removed] };
    }
}

/** Every leaf below a value, with its pointer. */
export function* leaves(value, pointer = '') {
    if (is_object(value)) {
        for (const key of Object.keys(value)) {
            yield* leaves(value[key], join(pointer, key));
        }
    } else if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) {
            yield* leaves(value[i], join(pointer, i));
        }
    } else {
        yield [pointer, value];
    }
}

export const as_text = (value) =>
    value === null || value === undefined ? '' : is_number(value) || typeof value !== 'object' ? String(value) : '';
