// SPDX-License-Identifier: MIT
// What all drawings share.
import { h } from 'preact';
import htm from 'htm';

export { ago, duration } from './time.js';

export const html = htm.bind(h);

export const classes = (...names) => names.filter(Boolean).join(' ');

/** Whether keys belong to what is being typed into. */
export function is_typing(target) {
    return target instanceof HTMLElement && (target.isContentEditable ||
        target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement ||
        (target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit', 'range'].includes(target.type)));
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
