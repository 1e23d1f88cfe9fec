// SPDX-License-Identifier: MIT
// What a form needs of a JSON Schema: which kind of control a place gets, and what it is called.
// The engine checks; nothing here decides whether an answer is right.
import { is_number, is_object, number } from './json.js';
import { get, last, split, step } from './pointer.js';

/** The schema with $ref followed and allOf laid together. */
function resolve(schema, root, depth = 0) {
    if (!is_object(schema) || depth > 16) {
        return {};
    }
    let result = schema;
    if (typeof schema.$ref === 'string' && schema.$ref.startsWith('#')) {
        const target = get(root, decodeURIComponent(schema.$ref.slice(1)));
        result = { ...resolve(target, root, depth + 1), ...schema };
    }
    for (const part of Array.isArray(schema.allOf) ? schema.allOf : []) {
        const more = resolve(part, root, depth + 1);
        result = { ...more, ...result, properties: { ...more.properties, ...result.properties } };
    }
    return result;
}

/** The schema that covers `pointer` below `root`. */
export function schema_at(root, pointer) {
    let schema = resolve(root, root);
    for (const part of split(pointer)) {
        const items = Array.isArray(schema.prefixItems) && schema.prefixItems[part] !== undefined
            ? schema.prefixItems[part] : schema.items;
        const next = step(schema.properties, part) ??
            (/^([0-9]+|-)$/.test(part) ? items : undefined) ??
            (is_object(schema.additionalProperties) ? schema.additionalProperties : undefined);
        schema = resolve(next, root);
    }
    return schema;
}

const types_of = (schema) =>
    schema.type === undefined ? [] : Array.isArray(schema.type) ? schema.type : [schema.type];

export const takes_null = (schema) => types_of(schema).includes('null');

/** Choices of a place: [{value, label, note}] or null. */
export function choices_of(schema, context) {
    const named = is_object(context) && Array.isArray(context.choices) ? context.choices : [];
    const label = (value) => {
        const found = named.find((choice) =>
            is_object(choice) ? String(choice.id ?? choice.value) === String(value) : choice === value);
        return found === undefined ? null : found;
    };
    let values = Array.isArray(schema.enum) ? schema.enum
        : Array.isArray(schema.oneOf) && schema.oneOf.every((one) => is_object(one) && 'const' in one)
            ? schema.oneOf.map((one) => one.const) : null;
    if (values === null && named.length > 0) {
        values = named.map((choice) => (is_object(choice) ? choice.id ?? choice.value : choice));
    }
    if (values === null || values.length === 0) {
        return null;
    }
    return values.map((value, i) => {
        const found = label(value);
        const title = Array.isArray(schema.oneOf) ? schema.oneOf[i]?.title : undefined;
        if (is_object(found)) {
            const { id, value: unused, name, label: text, title: heading, ...rest } = found;
            const more = Object.entries(rest).filter(([, part]) => typeof part !== 'object')
                .map(([key, part]) => `${key} ${part}`);
            return { value, label: String(name ?? text ?? heading ?? value), note: [String(value), ...more].join(' · ') };
        }
        return { value, label: title ?? (typeof value === 'string' ? value : String(value)), note: '' };
    });
}

/** text | long | number | boolean | choice | object | table | list | json */
export function kind_of(schema, value, context) {
    const types = types_of(schema).filter((type) => type !== 'null');
    if (choices_of(schema, context) !== null) {
        return 'choice';
    }
    const type = types.length === 1 ? types[0]
        : types.length > 1 ? (types.every((one) => one === 'number' || one === 'integer') ? 'number' : null)
        : value === undefined || value === null ? (schema.properties ? 'object' : schema.items ? 'array' : null)
        : is_number(value) ? 'number' : Array.isArray(value) ? 'array' : typeof value;
    switch (type) {
    case 'number':
    case 'integer':
        return value === undefined || value === null || is_number(value) || typeof value === 'string' ? 'number' : 'json';
    case 'boolean':
        return 'boolean';
    case 'string': {
        const is_long = typeof value === 'string' && (value.length > 90 || value.includes('\n'));
        return is_long || schema.contentMediaType !== undefined || Number(schema.maxLength) > 300 ? 'long' : 'text';
    }
    case 'object':
        return value === undefined || value === null || is_object(value) ? 'object' : 'json';
    case 'array': {
        if (value !== undefined && value !== null && !Array.isArray(value)) {
            return 'json';
        }
        const items = is_object(schema.items) ? schema.items : {};
        const rows = Array.isArray(value) ? value : [];
        const is_flat = (row) => is_object(row) && Object.values(row).every((cell) => typeof cell !== 'object' || cell === null || is_number(cell));
        if (rows.length > 0 ? rows.every(is_flat) : items.properties !== undefined) {
            return 'table';
        }
        return 'list';
    }
    default:
        return value === null || value === undefined || typeof value === 'string' ? 'text' : 'json';
    }
}

/** "supplier_name" → "Supplier name", unless the schema has a title. */
export function title_of(schema, pointer) {
    if (typeof schema.title === 'string' && schema.title !== '') {
        return schema.title;
    }
    const name = last(pointer);
    if (/^[0-9]+$/.test(name)) {
        return `${Number(name) + 1}`;
    }
    const words = name.replace(/[_-]+/g, ' ').replace(/([a-z])([A-Z])/g, '$1 $2').trim();
    return words === '' ? 'Value' : words[0].toUpperCase() + words.slice(1);
}

/** What a typed text means at a place: {value} or {flaw}. */
export function value_read(kind, schema, text) {
    switch (kind) {
    case 'number': {
        const trimmed = text.trim();
        if (trimmed === '' && (takes_null(schema) || schema.type === undefined)) {
            return { value: null };
        }
        const value = number(trimmed.replace(/^(-?)\./, '$10.')); // "150." stays as it is typed
        if (value === null) {
            return { flaw: trimmed === '' ? 'A number is missing.' : 'This is no number. Decimals take a point: 1234.50' };
        }
        const is_whole = types_of(schema).includes('integer') && !types_of(schema).includes('number');
        return is_whole && !Number.isInteger(Number(value)) ? { flaw: 'A whole number is wanted.' } : { value };
    }
    default:
        return { value: text === '' && takes_null(schema) && !types_of(schema).includes('string') ? null : text };
    }
}

/** A value to begin a new row with. */
export function empty_of(schema, root) {
    const whole = resolve(schema, root);
    if (whole.default !== undefined) {
        return whole.default;
    }
    if (takes_null(whole)) {
        return null;
    }
    switch (types_of(whole)[0]) {
    case 'object': {
        const result = Object.create(null);
        for (const key of Object.keys(whole.properties ?? {})) {
            const value = empty_of(whole.properties[key], root);
            if (value !== undefined) {
                result[key] = value;
            }
        }
        return result;
    }
    case 'array':
        return [];
    case 'boolean':
        return false;
    case 'string':
        return '';
    default:
        return undefined;
    }
}
