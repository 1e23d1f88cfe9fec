// SPDX-License-Identifier: MIT
// RFC 6901 pointers.

export const split = (pointer) =>
    pointer === '' ? [] : pointer.slice(1).split('/').map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));

export const join = (pointer, part) =>
    `${pointer}/${String(part).replace(/~/g, '~0').replace(/\//g, '~1')}`;

export const parent = (pointer) => pointer.slice(0, pointer.lastIndexOf('/'));
export const last = (pointer) => split(pointer).pop() ?? '';

/** Whether `pointer` is `at` or below it. */
export const is_below = (pointer, at) => pointer === at || pointer.startsWith(`${at}/`);

/** One step down, or undefined. */
export function step(value, part) {
    if (Array.isArray(value)) {
        return /^(0|[1-9][0-9]*)$/.test(part) ? value[Number(part)] : undefined;
    }
    return value !== null && typeof value === 'object' && Object.prototype.hasOwnProperty.call(value, part)
        ? value[part]
        : undefined;
}

export const get = (document, pointer) => split(pointer).reduce(step, document);

/** A copy of `document` with `value` at `pointer`; what is not on the way is shared. */
export function put(document, pointer, value) {
    const walk = (node, parts) => {
        if (parts.length === 0) {
            return value;
        }
        const [part, ...rest] = parts;
        if (Array.isArray(node)) {
            const copy = node.slice();
            copy[part === '-' ? node.length : Number(part)] = walk(step(node, part), rest);
            return copy;
        }
        const copy = Object.assign(Object.create(null), node);
        copy[part] = walk(step(node, part), rest);
        return copy;
    };
    return walk(document, split(pointer));
}
