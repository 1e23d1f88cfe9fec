// SPDX-License-Identifier: MIT
// Boxes in a document, in pixels of the displayed image: how they are written there, and what can
// be done with them. All coordinates are whole pixels; a box that nobody touched is never rewritten.
import { is_number, is_object } from './json.js';
import { join, put } from './pointer.js';
import { schema_at } from './schema.js';

const corner_names = ['x_min', 'y_min', 'x_max', 'y_max'];
const size_names = ['x', 'y', 'width', 'height'];
const is_four = (value) => Array.isArray(value) && value.length === 4 && value.every(is_number);

/** How an item writes its box: {read(item), write(item, box)} or null. box = [x0, y0, x1, y1]. */
export function shape_of(item, schema) {
    const properties = is_object(schema?.properties) ? schema.properties : {};
    const has = (names) => names.every((name) => is_number(item?.[name]) || (item === undefined && name in properties));
    if (has(corner_names)) {
        return named(corner_names, (numbers) => numbers, (box) => box);
    }
    for (const name of ['box', 'bbox']) {
        const told = properties[name]?.['x-foundry-box'];
        if (is_four(item?.[name]) || (item === undefined && name in properties)) {
            const is_size = told === undefined ? name === 'bbox' : told === 'xywh';
            return listed(name, is_size);
        }
    }
    if (has(size_names)) {
        return named(size_names, ([x, y, w, h]) => [x, y, x + w, y + h], ([a, b, c, d]) => [a, b, c - a, d - b]);
    }
    return null;
}

/* A coordinate that did not change keeps its text. */
const keep = (before, value) => (is_number(before) && Number(before) === value ? before : value);

function named(names, from, to) {
    return {
        read: (item) => from(names.map((name) => Number(item[name]))),
        write: (item, box) => {
            const numbers = to(box);
            return names.reduce((result, name, i) => put(result, `/${name}`, keep(item?.[name], numbers[i])), item);
        },
        pointers: names.map((name) => `/${name}`),
    };
}

function listed(name, is_size) {
    const from = ([a, b, c, d]) => (is_size ? [a, b, a + c, b + d] : [a, b, c, d]);
    const to = ([a, b, c, d]) => (is_size ? [a, b, c - a, d - b] : [a, b, c, d]);
    return {
        read: (item) => from(item[name].map(Number)),
        write: (item, box) => put(item, `/${name}`, to(box).map((value, i) => keep(item?.[name]?.[i], value))),
        pointers: [`/${name}`],
    };
}

/** The array of a subject that holds boxes: {pointer, shape, label_name, labels, items_schema}. */
export function boxes_find(subject, schema) {
    const look = (value, pointer, depth) => {
        if (Array.isArray(value)) {
            const items_schema = schema_at(schema, join(pointer, '0'));
            const shape = value.length > 0
                ? value.map((item) => shape_of(item, items_schema)).find((one) => one !== null) ?? null
                : shape_of(undefined, items_schema);
            return shape === null ? null : describe(value, pointer, shape, items_schema);
        }
        if (is_object(value) && depth < 4) {
            for (const key of Object.keys(value)) {
                const found = look(value[key], join(pointer, key), depth + 1);
                if (found !== null) {
                    return found;
                }
            }
        }
        return null;
    };
    return look(subject, '', 0);
}

function describe(rows, pointer, shape, items_schema) {
    const properties = is_object(items_schema.properties) ? items_schema.properties : {};
    const label_name = ['label', 'class', 'category', 'name', 'kind'].find((name) =>
        typeof rows[0]?.[name] === 'string' || (rows.length === 0 && name in properties)) ?? null;
    const listed_labels = label_name !== null && Array.isArray(properties[label_name]?.enum) ? properties[label_name].enum : [];
    const used = label_name === null ? [] : rows.map((row) => row?.[label_name]).filter((label) => typeof label === 'string');
    const labels = [...new Set([...listed_labels, ...used])];
    return { pointer, shape, label_name, labels, items_schema, is_closed: listed_labels.length > 0, has_pages: 'page' in properties || is_number(rows[0]?.page) };
}

/** The page, from 0, that a row's box lies on. */
export const page_of = (row) => (is_number(row?.page) ? Number(row.page) : 0);

/** A new row for a box drawn on a page. */
export function box_row(boxes, rows, box, label, page = 0) {
    const properties = is_object(boxes.items_schema.properties) ? boxes.items_schema.properties : {};
    const like = rows.find((row) => is_object(row.value))?.value;
    let row = Object.create(null);
    for (const key of Object.keys(like ?? properties)) {
        const model = like?.[key];
        if (/^(box_?)?id$/.test(key)) {
            row[key] = new_id(rows, key, model);
        } else if (key === boxes.label_name) {
            row[key] = label;
        } else if (key === 'source') {
            row[key] = 'human';
        } else if (key === 'confidence' || key === 'score') {
            row[key] = null; // a person's box was not measured: it is not 1.0
        } else if (boxes.shape.pointers.some((pointer) => pointer === `/${key}`)) {
            row[key] = Array.isArray(model) || key === 'box' || key === 'bbox' ? [0, 0, 0, 0] : 0;
        }
    }
    if ('source' in properties) {
        row.source = 'human';
    }
    if (boxes.has_pages) {
        row.page = page;
    }
    if (boxes.label_name !== null) {
        row[boxes.label_name] = label;
    }
    return boxes.shape.write(row, box);
}

function new_id(rows, key, model) {
    const used = new Set(rows.map((row) => String(row.value?.[key])));
    for (let i = 1; ; i++) {
        if (is_number(model) ? !used.has(String(i)) : !used.has(`h${i}`)) {
            return is_number(model) ? i : `h${i}`;
        }
    }
}

/** What is wrong with a box in an image of that size, or null. */
export function box_flaw([x0, y0, x1, y1], width, height) {
    if (x0 === x1 || y0 === y1) {
        return 'has no size';
    }
    if (x0 > x1 || y0 > y1) {
        return 'is reversed';
    }
    if (x0 >= width || y0 >= height || x1 <= 0 || y1 <= 0) {
        return `lies outside the image of ${width} × ${height} pixels`;
    }
    if (x0 < 0 || y0 < 0 || x1 > width || y1 > height) {
        return `reaches past the edge of the image of ${width} × ${height} pixels`;
    }
    return null;
}

/** Two corners in any order to a box inside the image, at least one pixel wide and high. */
export function box_from([ax, ay], [bx, by], width, height) {
    const clamp = (value, most) => Math.min(Math.max(Math.round(value), 0), most);
    const x0 = clamp(Math.min(ax, bx), width - 1), y0 = clamp(Math.min(ay, by), height - 1);
    return [x0, y0, Math.max(clamp(Math.max(ax, bx), width), x0 + 1), Math.max(clamp(Math.max(ay, by), height), y0 + 1)];
}

/** Move whole, kept inside the image if it was there. */
export function box_move([x0, y0, x1, y1], dx, dy, width, height) {
    const inside = box_flaw([x0, y0, x1, y1], width, height) === null;
    const mx = inside ? Math.min(Math.max(dx, -x0), width - x1) : dx;
    const my = inside ? Math.min(Math.max(dy, -y0), height - y1) : dy;
    return [x0 + mx, y0 + my, x1 + mx, y1 + my];
}

/** Move edges: which is a set of "w", "e", "n", "s". A box never turns over nor leaves the image. */
export function box_resize([x0, y0, x1, y1], edges, dx, dy, width, height) {
    const box = [x0, y0, x1, y1];
    if (edges.includes('w')) {
        box[0] = Math.max(0, Math.min(x0 + dx, x1 - 1));
    }
    if (edges.includes('e')) {
        box[2] = Math.min(Math.max(width, x1), Math.max(x1 + dx, x0 + 1));
    }
    if (edges.includes('n')) {
        box[1] = Math.max(0, Math.min(y0 + dy, y1 - 1));
    }
    if (edges.includes('s')) {
        box[3] = Math.min(Math.max(height, y1), Math.max(y1 + dy, y0 + 1));
    }
    return box;
}

/** The confidence that stands for a row: beside it, or of its box. */
export function box_confidence(confidence, pointer, row) {
    const beside = confidence?.[pointer];
    if (beside !== undefined) {
        return Number(beside);
    }
    const parts = Object.keys(confidence ?? {}).filter((at) => at.startsWith(`${pointer}/`)).map((at) => Number(confidence[at]));
    if (parts.length > 0) {
        return Math.min(...parts);
    }
    return is_number(row?.confidence) ? Number(row.confidence) : null;
}

