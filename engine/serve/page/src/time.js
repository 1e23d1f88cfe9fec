// SPDX-License-Identifier: MIT
// Spans of time in words.

/** "3 min ago", "in 2 h" */
export function ago(time, now = Date.now()) {
    const seconds = (now - Date.parse(time)) / 1000;
    const span = duration(Math.round(Math.abs(seconds)));
    return !Number.isFinite(seconds) ? '' : Math.abs(seconds) < 5 ? 'now' : seconds >= 0 ? `${span} ago` : `in ${span}`;
}

export function duration(seconds) {
    if (seconds === null || seconds === undefined || !Number.isFinite(Number(seconds))) {
        return '–';
    }
    const s = Number(Number(seconds).toFixed(1)); // as an answer tells it: 2.04 and 2 are the same words
    return s < 10 && s !== Math.round(s) ? `${s.toFixed(1)} s`
        : s < 90 ? `${Math.round(s)} s`
        : s < 5400 ? `${Math.round(s / 60)} min`
        : s < 129600 ? `${Math.round(s / 3600)} h`
        : `${Math.round(s / 86400)} d`;
}
