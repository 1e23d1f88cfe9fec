// SPDX-License-Identifier: MIT
// The engine's HTTP API: documents whose numbers keep their text, errors as RFC 9457 tells them.
import { parse, write } from './json.js';

/** What the engine refused, or could not do. */
export class Problem extends Error {
    constructor(status, body) {
        super(body.detail || body.title || `HTTP ${status}`);
        this.status = status;
        this.code = body.code ?? '';
        this.errors = body.errors ?? [];
        this.standing = body.standing ?? null;
        this.body = body;
    }
    /** The engine did not answer at all: it is worth trying again. */
    get is_away() {
        return this.status === 0 || this.status === 503 || this.status === 502 || this.status === 504;
    }
}

const time_out_ms = 30000;

export async function call(method, path, body, { keepalive = false, key } = {}) {
    const headers = { Accept: 'application/json' };
    if (body !== undefined) {
        headers['Content-Type'] = 'application/json';
    }
    if (key !== undefined) {
        headers['Idempotency-Key'] = key;
    }
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), time_out_ms);
    let reply, text;
    try {
        reply = await fetch(path, {
            method,
            headers,
            keepalive,
            body: body === undefined ? undefined : write(body),
            credentials: 'same-origin',
            signal: deadline.signal,
        });
        text = reply.status === 204 ? '' : await reply.text();
    } catch (error) {
        throw new Problem(0, { code: 'away', detail: 'The engine does not answer.' });
    } finally {
        clearTimeout(timer);
    }
    let value = null;
    if (text !== '' && /\bjson\b/.test(reply.headers.get('Content-Type') ?? '')) {
        try {
            value = parse(text);
        } catch (error) {
            throw new Problem(reply.status, { code: 'no_json', detail: `The engine's reply does not read: ${error.message}` });
        }
    }
    if (!reply.ok) {
        throw new Problem(reply.status, value ?? { detail: text.slice(0, 300) || `HTTP ${reply.status} ${reply.statusText}` });
    }
    return value ?? text;
}

export const get = (path) => call('GET', path);
export const post = (path, body, options) => call('POST', path, body, options);
export const put = (path, body, options) => call('PUT', path, body, options);

/** "?a=1&b=2" of what is given. */
export function query(values) {
    const parts = Object.entries(values)
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
    return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** The engine's events as they happen. on_event(name, data), on_state(is_live). Returns stop(). */
export function follow(on_event, on_state) {
    let source = null, timer = 0, wait_ms = 500, is_over = false;
    const names = ['job', 'ask', 'lease', 'correction', 'export', 'rule', 'message', 'ask.claimed', 'ask.released', 'ask.drafted'];
    const open = () => {
        source = new EventSource('/v1/events');
        source.onopen = () => {
            wait_ms = 500;
            on_state(true);
        };
        source.onerror = () => {
            on_state(false);
            if (source.readyState === EventSource.CLOSED && !is_over) {
                timer = setTimeout(open, wait_ms);
                wait_ms = Math.min(wait_ms * 2, 8000);
            }
        };
        for (const name of names) {
            source.addEventListener(name, (event) => {
                let data;
                try {
                    data = parse(event.data);
                } catch (error) {
                    data = {};
                }
                on_event(name, data);
            });
        }
    };
    open();
    return () => {
        is_over = true;
        clearTimeout(timer);
        source.close();
    };
}
