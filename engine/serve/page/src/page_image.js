// SPDX-License-Identifier: MIT
// The picture of a card, page by page: the file itself where a browser shows its kind, else what
// the engine makes of it. Pages count from 0 here, as places do; the API counts from 1.
import * as api from './api.js';
import { picture_of } from './pictures.js';

const browsers_show = /^image\/(png|jpeg|webp|gif)$/;

const tail_size = 65536;

async function bytes_of(url, range) {
    const reply = await fetch(url, { headers: range ? { Range: range } : {}, credentials: 'same-origin' });
    return reply.ok ? new Uint8Array(await reply.arrayBuffer()) : null;
}

/* Whether these bytes stand behind `from`. */
function has(bytes, wanted, from) {
    for (let at = bytes.indexOf(wanted[0], from); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
        if (wanted.every((byte, i) => bytes[at + i] === byte)) {
            return true;
        }
    }
    return false;
}

/* What ends a file; a JPEG's stands nowhere else behind its head, which may hold previews. */
const ends = { 'image/jpeg': [0xff, 0xd9], 'image/png': [...'IEND'].map((letter) => letter.charCodeAt(0)) };

function behind_head(bytes) {
    let at = bytes[1] === 0xd8 ? 2 : 0;
    while (bytes[1] === 0xd8 && at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
        at += 2 + bytes[at + 2] * 256 + bytes[at + 3];
    }
    return at;
}

/* Browsers show what there is of a file that is cut off and say nothing. Its last bytes are looked
   at; where they are no end, as behind a telephone's little film, the whole. */
async function is_cut(url, end) {
    const tail = await bytes_of(url, `bytes=-${tail_size}`);
    if (tail === null || (tail.length === tail_size && has(tail, end, 0))) {
        return false;
    }
    const whole = tail.length === tail_size ? await bytes_of(url) : tail;
    return whole !== null && !has(whole, end, behind_head(whole));
}

export class PageImage {
    page = 0;
    is_cut = false;
    problem = null; // why it cannot be shown
    #abouts = new Map(); // page → {width, height, pages}

    constructor(image, url, changed) {
        this.file = url;
        this.told = Number(image.width) > 0 ? { width: Number(image.width), height: Number(image.height) } : null;
        this.is_made = image.media_type !== undefined && !browsers_show.test(image.media_type);
        this.end = ends[image.media_type];
        this.changed = changed;
    }

    get url() {
        return this.is_made ? `${this.file}?view=displayed&page=${this.page + 1}` : this.file;
    }
    /** Pixels of the page as it is displayed; what arrives may be smaller. Null: not known yet. */
    get size() {
        return this.is_made ? this.#abouts.get(this.page) ?? null : this.told;
    }
    get pages() {
        return [...this.#abouts.values()][0]?.pages ?? 1;
    }
    get is_ready() {
        return !this.is_made || this.size !== null;
    }

    /** Load ahead what will be drawn. */
    async load() {
        picture_of(this.url);
        const { page } = this;
        if (this.end !== undefined) {
            is_cut(this.file, this.end).then((is) => {
                this.is_cut = is;
                this.changed();
            }, () => {});
            this.end = undefined; // once
        }
        if (!this.is_made || this.#abouts.has(page)) {
            return;
        }
        try {
            const about = await api.get(`${this.file}?view=about&page=${page + 1}`);
            this.#abouts.set(page, { width: Number(about.width), height: Number(about.height), pages: Number(about.pages) });
            this.problem = null;
        } catch (problem) {
            if (problem.is_away && problem.code !== 'no_pictures') {
                setTimeout(() => this.load(), 2000);
                return;
            }
            this.problem = problem.message;
        }
        this.changed();
    }
    turn(page) {
        if (page !== this.page && page >= 0 && page < Math.max(this.pages, 1)) {
            this.page = page;
            this.load();
            this.changed();
        }
    }
    /** The browser does not show the file: perhaps the engine can make something of it, else it says why not. */
    fail() {
        if (this.is_made) {
            this.problem ??= 'What the engine made of it does not arrive.';
        } else {
            this.is_made = true;
            this.load();
        }
        this.changed();
    }
}
