// SPDX-License-Identifier: MIT
// The arithmetic rules of detect/arithmetic, for what is shown while a person types. The detector
// decides; this only says early what it will say. The grammar is plugins/detect/expression.c's.
import { is_number, is_object } from './json.js';
import { get } from './pointer.js';

const token_pattern = /\s*(?:([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)|([A-Za-z_][A-Za-z0-9_]*)|(==|<=|>=)|(.))/y;

/** Read a rule: {text, names, holds(item, document)} or null if it is none. */
export function rule_read(text) {
    const tokens = [];
    token_pattern.lastIndex = 0;
    const trimmed = text.trim();
    while (token_pattern.lastIndex < trimmed.length) {
        const [, digits, name, relation, sign] = token_pattern.exec(trimmed);
        tokens.push(digits ? { digits } : name ? { name } : { sign: relation ?? sign, end: token_pattern.lastIndex });
    }
    let at = 0;
    const names = [];
    const is = (sign) => tokens[at]?.sign === sign;
    const take = (sign) => {
        if (!is(sign)) {
            throw new SyntaxError(sign);
        }
        return tokens[at++];
    };
    const chain = (signs, part, apply) => () => {
        let left = part();
        while (signs.some(is)) {
            const sign = tokens[at++].sign;
            const first = left, second = part();
            left = (scope) => apply[sign](first(scope), second(scope));
        }
        return left;
    };
    const factor = () => {
        const token = tokens[at++];
        if (token === undefined) {
            throw new SyntaxError('the end');
        }
        if (token.digits) {
            const value = Number(token.digits);
            return () => value;
        }
        if (token.sign === '-') {
            const inner = factor();
            return (scope) => -inner(scope);
        }
        if (token.sign === '(') {
            const inner = sum();
            take(')');
            return inner;
        }
        if (token.name === 'sum' && is('(')) {
            const open = take('(').end;
            const close = trimmed.indexOf(')', open);
            if (close < 0) {
                throw new SyntaxError(')');
            }
            const pointer = trimmed.slice(open, close).trim();
            while (!is(')')) {
                if (at++ >= tokens.length) {
                    throw new SyntaxError(')');
                }
            }
            at++;
            return (scope) => sum_over(scope.document, pointer);
        }
        if (!token.name) {
            throw new SyntaxError(token.sign);
        }
        let path = `/${token.name}`;
        while (is('.')) {
            at++;
            path += `/${tokens[at++]?.name}`;
        }
        names.push(path);
        return (scope) => number_at(scope.item, path);
    };
    const product = chain(['*', '/'], factor, { '*': (a, b) => a * b, '/': (a, b) => a / b });
    const sum = chain(['+', '-'], product, { '+': (a, b) => a + b, '-': (a, b) => a - b });
    try {
        const left = sum();
        const relation = tokens[at++]?.sign;
        const right = sum();
        if (at !== tokens.length || !['==', '<=', '>='].includes(relation)) {
            return null;
        }
        const [left_text, right_text] = trimmed.split(relation).map((side) => side.trim());
        return { text: trimmed, names, left, right, relation, left_text, right_text };
    } catch (error) {
        return null;
    }
}

function number_at(item, path) {
    const value = get(item, path);
    return is_number(value) ? Number(value) : NaN;
}

function sum_over(document, pointer) {
    const walk = (value, parts) => {
        if (parts.length === 0) {
            return is_number(value) ? Number(value) : NaN;
        }
        const [part, ...rest] = parts;
        if (part === '*') {
            return Array.isArray(value) ? value.reduce((all, item) => all + walk(item, rest), 0) : NaN;
        }
        return walk(is_object(value) || Array.isArray(value) ? value[part] : undefined, rest);
    };
    return walk(document, pointer.split('/').slice(1));
}

const shown = (value) => (Math.abs(value) >= 1e15 ? value.toPrecision(10) : value.toFixed(2));

/** What is wrong with one item: a text, or null if the rule holds or cannot be told. */
export function rule_flaw(rule, item, document, tolerance) {
    const scope = { item, document };
    const left = rule.left(scope), right = rule.right(scope);
    if (!Number.isFinite(left) || !Number.isFinite(right)) {
        return null;
    }
    const slack = tolerance + Math.max(Math.abs(left), Math.abs(right), 1) * 1e-9;
    const holds = rule.relation === '<=' ? left <= right + slack
        : rule.relation === '>=' ? left >= right - slack
        : Math.abs(left - right) <= slack;
    return holds ? null : `${rule.left_text} = ${shown(left)}, ${rule.right_text} = ${shown(right)}`;
}
