// SPDX-License-Identifier: MIT
// JSON whose numbers keep their text: 1.10 stays 1.10 and 2^53+1 stays what it is. A number that
// JavaScript would write back with the same text is a plain number, any other one is a Num.

export class Num {
    constructor(text) {
        this.text = text;
        Object.freeze(this);
    }
    valueOf() {
        return Number(this.text);
    }
    toString() {
        return this.text;
    }
}

const number_pattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const whole_number = new RegExp(`^${number_pattern.source}$`);
const plain_text = /[^"\\\u0000-\u001f]*/y;
const depth_max = 256;

/** A number from its text, or null if that is none. */
export function number(text) {
    if (!whole_number.test(text)) {
        return null;
    }
    const plain = Number(text);
    return String(plain) === text ? plain : new Num(text);
}

export const is_number = (value) => typeof value === 'number' || value instanceof Num;
export const is_object = (value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Num);

/** Read a document. Throws SyntaxError with the place. */
export function parse(text) {
    let at = 0;

    const fail = (what) => {
        throw new SyntaxError(`${what} at character ${at} of the JSON`);
    };
    const space = () => {
        for (;;) {
            const code = text.charCodeAt(at);
            if (code !== 32 && code !== 10 && code !== 13 && code !== 9) {
                return;
            }
            at++;
        }
    };
    const expect = (word, value) => {
        if (!text.startsWith(word, at)) {
            fail('unexpected text');
        }
        at += word.length;
        return value;
    };
    const string = () => {
        let result = '';
        at++;
        for (;;) {
            plain_text.lastIndex = at;
            const run = plain_text.exec(text)[0];
            result += run;
            at += run.length;
            const sign = text[at];
            if (sign === '"') {
                at++;
                return result;
            }
            if (sign !== '\\') {
                fail('a string that does not end');
            }
            const escape = text[at + 1];
            const simple = '"\\/bfnrt'.indexOf(escape);
            if (escape === 'u' && /^[0-9a-fA-F]{4}$/.test(text.slice(at + 2, at + 6))) {
                result += String.fromCharCode(parseInt(text.slice(at + 2, at + 6), 16));
                at += 6;
            } else if (escape !== undefined && simple >= 0) {
                result += '"\\/\b\f\n\r\t'[simple];
                at += 2;
            } else {
                fail('an unknown escape');
            }
        }
    };
    const list = (close, item) => {
        at++;
        space();
        if (text[at] === close) {
            at++;
            return;
        }
        for (;;) {
            item();
            space();
            if (text[at] === close) {
                at++;
                return;
            }
            if (text[at] !== ',') {
                fail(`"," or "${close}" is missing`);
            }
            at++;
            space();
        }
    };
    const value = (depth) => {
        if (depth > depth_max) {
            fail('too deep');
        }
        space();
        switch (text[at]) {
        case '{': {
            const result = Object.create(null); // a key may be called __proto__
            list('}', () => {
                if (text[at] !== '"') {
                    fail('a key is missing');
                }
                const key = string();
                space();
                expect(':');
                result[key] = value(depth + 1);
            });
            return result;
        }
        case '[': {
            const result = [];
            list(']', () => result.push(value(depth + 1)));
            return result;
        }
        case '"':
            return string();
        case 't':
            return expect('true', true);
        case 'f':
            return expect('false', false);
        case 'n':
            return expect('null', null);
        default: {
            number_pattern.lastIndex = at;
            const found = number_pattern.exec(text);
            if (found === null) {
                fail('no value');
            }
            at += found[0].length;
            return number(found[0]);
        }
        }
    };
    const result = value(0);
    space();
    if (at !== text.length) {
        fail('text behind the end');
    }
    return result;
}

/** Write a document. indent: spaces a level, 0 for one line. */
export function write(value, indent = 0, depth = 0) {
    if (value === null || value === undefined) {
        return 'null';
    }
    if (value instanceof Num) {
        return value.text;
    }
    if (typeof value === 'number') {
        return Number.isFinite(value) ? String(value) : 'null';
    }
    if (typeof value !== 'object') {
        return JSON.stringify(value);
    }
    const is_list = Array.isArray(value);
    const parts = is_list
        ? value.map((item) => write(item, indent, depth + 1))
        : Object.keys(value)
            .filter((key) => value[key] !== undefined)
            .map((key) => `${JSON.stringify(key)}:${indent ? ' ' : ''}${write(value[key], indent, depth + 1)}`);
    const [open, close] = is_list ? '[]' : '{}';
    if (parts.length === 0 || indent === 0) {
        return open + parts.join(',') + close;
    }
    const margin = '\n' + ' '.repeat(indent * (depth + 1));
    return open + margin + parts.join(',' + margin) + '\n' + ' '.repeat(indent * depth) + close;
}

/** A number's value as digits and exponent, without what does not count. */
function decimal(text) {
    const [, sign, whole, places = '', exponent = '0'] =
        /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text);
    const digits = (whole + places).replace(/^0+/, '');
    if (digits === '') {
        return '0';
    }
    const short = digits.replace(/0+$/, '');
    const power = BigInt(exponent) - BigInt(places.length) + BigInt(digits.length - short.length);
    return `${sign}${short}e${power}`;
}

/** Whether two values are the same; numbers by decimal value, not by text. */
export function same(a, b) {
    if (a === b) {
        return true;
    }
    if (is_number(a) && is_number(b)) {
        return decimal(String(a)) === decimal(String(b));
    }
    if (Array.isArray(a) && Array.isArray(b)) {
        return a.length === b.length && a.every((item, i) => same(item, b[i]));
    }
    if (is_object(a) && is_object(b)) {
        const keys = Object.keys(a);
        return keys.length === Object.keys(b).length &&
            keys.every((key) => key in b && same(a[key], b[key]));
    }
    return false;
}
