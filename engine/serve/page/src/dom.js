// SPDX-License-Identifier: MIT
// What all drawings share.
import { h } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);

export const classes = (...names) => names.filter(Boolean).join(' ');

/** Whether keys belong to what is being typed into. */
export function is_typing(target) {
    return target instanceof HTMLElement && (target.isContentEditable ||
        target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement ||
        (target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit', 'range'].includes(target.type)));
}

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
    const s = Number(seconds);
    return s < 10 && s !== Math.round(s) ? `${s.toFixed(1)} s`
        : s < 90 ? `${Math.round(s)} s`
        : s < 5400 ? `${Math.round(s / 60)} min`
        : s < 129600 ? `${Math.round(s / 3600)} h`
        : `${Math.round(s / 86400)} d`;
}

/** 0.9897 → "98.97 %": as many places as tell it from a threshold. */
export const percent = (share) => `${Number((Number(share) * 100).toFixed(2))} %`;
/** A share of a whole, to the tenth. */
export const percent_about = (share) => `${Number((Number(share) * 100).toFixed(1))} %`;

export const clock = (time) => {
    const at = new Date(time);
    return Number.isNaN(at.getTime()) ? '' : at.toLocaleString(undefined, {
        year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
    });
};

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** localStorage may be refused; settings are then those of now. */
export const settings = {
    get(name, otherwise) {
        try {
            return localStorage.getItem(`foundry.${name}`) ?? otherwise;
        } catch (error) {
            return otherwise;
        }
    },
    set(name, value) {
        try {
            localStorage.setItem(`foundry.${name}`, value);
        } catch (error) {
            // the setting holds until the page is left
        }
    },
};
