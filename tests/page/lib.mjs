// SPDX-License-Identifier: MIT
// What the page's tests share: a job directory, an engine that serves it, a browser that is watched.
//
// FOUNDRY_ENGINE       the program under test
// FOUNDRY_BUILD_ROOT   the build folder: workers, plugins, fixtures; screenshots go to page-shots/
// FOUNDRY_SOURCE_ROOT  the tree
// PAGE_MODULES         the folder whose node_modules hold what package-lock.json names
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

const need = (name) => {
    if (!process.env[name]) {
        throw new Error(`${name} is not set`);
    }
    return process.env[name];
};
export const build = need('FOUNDRY_BUILD_ROOT');
export const source = need('FOUNDRY_SOURCE_ROOT');
export const engine_path = process.env.FOUNDRY_ENGINE ?? join(build, 'foundry-engine');
const modules = createRequire(join(need('PAGE_MODULES'), 'package.json'));
const { chromium } = modules('playwright-core');
const axe_source = readFileSync(modules.resolve('axe-core/axe.min.js'), 'utf8');

/* A loaded machine with sanitizers is slow; what does not come in this time does not come. */
export const patience_ms = 30000;

let passed = 0, failed = 0;
const endings = [];

export function check(what, holds, found = '') {
    if (holds) {
        passed++;
        console.log(`ok      ${what}`);
    } else {
        failed++;
        console.log(`FAILED  ${what}${found === '' ? '' : `: ${typeof found === 'string' ? found : JSON.stringify(found)}`}`);
    }
}
export const equal = (what, got, wanted) =>
    check(what, JSON.stringify(got) === JSON.stringify(wanted), `got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);

/** Run a test to its end, whatever happens in it. */
export async function test(body) {
    try {
        await body();
    } catch (error) {
        failed++;
        console.log(`FAILED  ${error.stack}`);
    }
    for (const end of endings.reverse()) {
        try {
            await end();
        } catch (error) {
            console.log(`the end: ${error.message}`);
        }
    }
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed === 0 ? 0 : 1);
}

/** Wait until ask() gives something true, and return it. */
export async function until(what, ask, wait_ms = patience_ms) {
    const end = Date.now() + wait_ms;
    for (;;) {
        const found = await ask();
        if (found) {
            return found;
        }
        if (Date.now() > end) {
            throw new Error(`waited ${wait_ms} ms in vain: ${what}`);
        }
        await new Promise((done) => setTimeout(done, 25));
    }
}

// ---- engine ----

export const folder = mkdtempSync(join(tmpdir(), 'foundry-page.'));
endings.push(() => rmSync(folder, { recursive: true, force: true }));
const environment = {
    ...process.env,
    LC_ALL: 'C.UTF-8',
    FOUNDRY_PLUGIN_PATH: join(build, 'tests/plugins'),
    XDG_CACHE_HOME: join(folder, 'cache'),
};

/** Nothing but what ships, and no display to open a browser on. */
export const demo_environment = Object.fromEntries(Object.entries(environment).filter(([name]) => !['FOUNDRY_PLUGIN_PATH', 'DISPLAY', 'WAYLAND_DISPLAY'].includes(name)));

/** Run a command of the engine to its end: its stdout. more: variables; input: its stdin. */
export function engine_with({ more = {}, input }, ...words) {
    const done = spawnSync(engine_path, words, { cwd: folder, env: { ...environment, ...more }, input, encoding: 'utf8', timeout: 4 * patience_ms });
    return { code: done.status, out: done.stdout, err: done.stderr };
}
export const engine = (...words) => engine_with({}, ...words);
/** Begin a command of the engine; resolves to its exit code. */
export const engine_begin = (...words) => new Promise((done) => {
    spawn(engine_path, words, { cwd: folder, env: environment, stdio: 'ignore' }).on('exit', (code, signal) => done(code ?? signal));
});
export const engine_json = (...words) =>
    engine(...words).out.split('\n').filter(Boolean).map((line) => JSON.parse(line));

/** Serve a job directory: {url, token, login, stop(), kill()}. */
export async function serve(jobs, { port = 0, token_file, words = [] } = {}) {
    const child = spawn(engine_path, ['serve', jobs, '--listen', `127.0.0.1:${port}`, '--no-watch',
        ...(token_file ? ['--token-file', token_file] : []), ...words], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', err = '', code;
    child.stdout.on('data', (bytes) => { out += bytes; });
    child.stderr.on('data', (bytes) => { err += bytes; });
    const over = new Promise((done) => child.on('exit', (status, signal) => { code = status ?? signal; done(code); }));
    const login = await until('the server tells where it listens', () => {
        if (code !== undefined) {
            throw new Error(`serve ended with ${code}: ${err}`);
        }
        return /http:\/\/\S+/.exec(out + err)?.[0];
    });
    const url = new URL(login).origin;
    const token = token_file ? readFileSync(token_file, 'utf8').trim() : new URL(login).searchParams.get('token');
    const end = (signal) => async () => {
        if (code === undefined) {
            child.kill(signal);
            await over;
        }
        return { code, err };
    };
    const server = { url, token, login: `${url}/login?token=${token}`, port: Number(new URL(url).port), stop: end('SIGTERM'), kill: end('SIGKILL') };
    endings.push(server.stop);
    return server;
}

/** One call of the API with the token. */
export async function api(server, method, path, body) {
    const reply = await fetch(server.url + path, {
        method,
        headers: { Authorization: `Bearer ${server.token}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
        body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await reply.text();
    let value = text;
    try {
        value = JSON.parse(text);
    } catch (error) {
        // not everything is JSON
    }
    return { status: reply.status, value };
}

// ---- inputs ----

export const write = (name, text) => {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    return path;
};

/** A PNG of that size; colour(x, y) → [r, g, b]. */
export function png(width, height, colour) {
    const rows = Buffer.alloc(height * (1 + width * 3));
    for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
            const [r, g, b] = colour(x, y), at = y * (1 + width * 3) + 1 + x * 3;
            rows[at] = r;
            rows[at + 1] = g;
            rows[at + 2] = b;
        }
    }
    const chunk = (type, data) => {
        const bytes = Buffer.alloc(12 + data.length);
        bytes.writeUInt32BE(data.length, 0);
        bytes.write(type, 4, 'ascii');
        data.copy(bytes, 8);
        bytes.writeUInt32BE(crc(bytes.subarray(4, 8 + data.length)), 8 + data.length);
        return bytes;
    };
    const head = Buffer.alloc(13);
    head.writeUInt32BE(width, 0);
    head.writeUInt32BE(height, 4);
    head.set([8, 2, 0, 0, 0], 8);
    return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

/** A TIFF of pages {width, height, colour(x, y) → [r, g, b], orientation}, deflated, a strip each. */
export function tiff(pages) {
    const parts = [Buffer.from('49492a0008000000', 'hex')];
    let at = 8;
    pages.forEach(({ width, height, colour, orientation = 1 }, i) => {
        const rows = Buffer.alloc(width * height * 3);
        for (let y = 0, to = 0; y < height; y++) {
            for (let x = 0; x < width; x++, to += 3) {
                const [r, g, b] = colour(x, y);
                rows[to] = r;
                rows[to + 1] = g;
                rows[to + 2] = b;
            }
        }
        const strip = deflateSync(rows, { level: 1 });
        const even = strip.length + (strip.length & 1);
        const count = 10, size = 2 + count * 12 + 4 + 8;
        const head = Buffer.alloc(size);
        const depths = at + 2 + count * 12 + 4;
        head.writeUInt16LE(count, 0);
        [[256, 4, 1, width], [257, 4, 1, height], [258, 3, 3, depths], [259, 3, 1, 8], [262, 3, 1, 2], [273, 4, 1, at + size],
            [274, 3, 1, orientation], [277, 3, 1, 3], [278, 4, 1, height], [279, 4, 1, strip.length]].forEach(([tag, type, many, value], k) => {
            head.writeUInt16LE(tag, 2 + k * 12);
            head.writeUInt16LE(type, 4 + k * 12);
            head.writeUInt32LE(many, 6 + k * 12);
            head.writeUInt32LE(value, 10 + k * 12);
        });
        head.writeUInt32LE(i + 1 < pages.length ? at + size + even : 0, 2 + count * 12);
        for (let k = 0; k < 3; k++) {
            head.writeUInt16LE(8, 2 + count * 12 + 4 + 2 * k);
        }
        parts.push(head, strip, Buffer.alloc(even - strip.length));
        at += size + even;
    });
    return Buffer.concat(parts);
}

function crc(bytes) {
    let sum = 0xffffffff;
    for (const byte of bytes) {
        sum ^= byte;
        for (let i = 0; i < 8; i++) {
            sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
        }
    }
    return (sum ^ 0xffffffff) >>> 0;
}

/** A street with poles where the canned boxes say they are. */
export function street(boxes) {
    const poles = boxes.map(([x0, y0, x1, y1]) => [(x0 + x1) / 2, y0, y1]);
    return png(640, 640, (x, y) => {
        for (const [middle, top, bottom] of poles) {
            if (y >= top && y <= bottom && Math.abs(x - middle) < 6) {
                return [92, 71, 54];
            }
            if (Math.abs(y - top - 24) < 4 && Math.abs(x - middle) < 34) {
                return [74, 58, 46];
            }
        }
        const wire = 150 + 60 * Math.sin((x / 640) * Math.PI);
        if (Math.abs(y - wire) < 1 || Math.abs(y - wire - 26) < 1) {
            return [60, 62, 66];
        }
        return y > 430 ? [112 - ((y - 430) >> 3), 122 - ((y - 430) >> 3), 92 - ((y - 430) >> 3)] : [150 + (y >> 3), 190 + (y >> 4), 224];
    });
}

export const data = (name) => readFileSync(join(source, 'tests/system/data', name), 'utf8');

/** The invoice story's pipeline over canned results, and its four pictures in jobs/. */
export function invoice_story({ each = ['job-1.png', 'job-2.png', 'job-3.png', 'job-4.png'], jobs = 'jobs', threshold = 0.95 } = {}) {
    const results = data('invoice-results.json').replace(/\n/g, '');
    write('invoice.yaml', `foundry: v1
name: invoice
inputs: {match: ["*.png"]}
params: {threshold: {type: number, default: ${threshold}, min: 0, max: 1}}
phases:
  - id: extract
    uses: playback/play
    with: {name: "\${input.name}", results: ${results}}
  - id: review
    uses: foundry/human
    with:
      of: extract
      detectors:
        - {uses: detect/low-confidence, with: {below: "\${params.threshold}"}}
        - {uses: detect/arithmetic, with: {rule: "quantity * unit_price == total_cost", each: /line_items}}
      audit: 0%
      undo: 10m
      schema: invoice.schema.json
  - id: finish
    uses: file/write
    with: {json: "\${review}", name: "\${input.stem}.json"}
    grant: {write: out}
export:
  sft: {format: gemini, prompt: "Extract the invoice as JSON.", of: review}
`);
    write('invoice.schema.json', readFileSync(join(source, 'tests/page/data/invoice.schema.json'), 'utf8'));
    const paper = png(420, 560, (x, y) => (x > 40 && x < 380 && y > 50 && y < 510 && y % 26 < 9 && (x * 7 + y) % 97 < 70 ? [70, 72, 78] : [252, 251, 248]));
    for (const name of each) {
        write(`${jobs}/${name}`, paper);
    }
    return 'invoice.yaml';
}

/** The pole story: six streets, results 1, 2, 3, 1, 2, 3. */
export function pole_story({ jobs = 'poles', count = 6 } = {}) {
    const text = readFileSync(join(source, 'tests/data/pole-results.json'), 'utf8');
    const results = JSON.parse(text);
    write('poles.yaml', `foundry: v1
name: poles
inputs: {match: ["*.png", "*.jpg", "*.tif", "*.bmp"]}
params: {threshold: {type: number, default: 0.95, min: 0, max: 1}}
phases:
  - id: detect
    uses: playback/play
    with: {name: "\${input.name}", results: ${text.replace(/\n/g, '')}}
  - id: review
    uses: foundry/human
    with:
      of: detect
      detectors: [{uses: detect/low-confidence, with: {below: "\${params.threshold}"}}]
      audit: 0%
      schema: poles.schema.json
  - id: deliver
    uses: file/write
    with: {json: "\${review}", name: "\${input.stem}.json"}
    grant: {write: out}
`);
    write('poles.schema.json', readFileSync(join(source, 'tests/page/data/poles.schema.json'), 'utf8'));
    for (let i = 0; i < count; i++) {
        write(`${jobs}/street-${i + 1}.png`, street([...results[i % 3].boxes.map(({ box }) => box), ...(i % 3 === 2 ? [[500, 100, 540, 420]] : [])]));
    }
    return 'poles.yaml';
}

// ---- browser ----

let browser = null;

/** A browser of a person of their own. What goes to another origin, and every message of the console, fails the test. */
export async function person(server, { expected = [], ...options } = {}) {
    if (browser === null) {
        browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
        endings.push(() => browser.close());
    }
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', ...options });
    context.setDefaultTimeout(patience_ms);
    const page = await context.newPage();
    const told = [], strangers = [];
    page.expected = [...expected];
    page.on('console', (message) => {
        const text = message.text();
        if (!page.expected.some((pattern) => pattern.test(text))) {
            told.push(`${message.type()}: ${text}`);
        }
    });
    page.on('pageerror', (error) => told.push(`uncaught: ${error.stack}`));
    page.on('request', (request) => {
        const { origin, protocol } = new URL(request.url());
        if (origin !== server.url && protocol !== 'data:') {
            strangers.push(request.url());
        }
    });
    page.told = told;
    page.strangers = strangers;
    page.server = server;
    await page.goto(server.login);
    await page.waitForSelector('main > *'); // keys are for the page, and there is none before the session is known
    return page;
}

/** Nothing was said in the console, nothing went to another origin. */
export function is_quiet(what, page) {
    equal(`${what}: no message in the console, none of the content security policy`, page.told, []);
    equal(`${what}: no request to another origin`, page.strangers, []);
}

export async function go(page, hash) {
    await page.evaluate((to) => { location.hash = to; }, hash);
}

/** Where the focus is: the pointer of its field, or what it is. */
export const focus = (page) => page.evaluate(() => {
    const { activeElement: here } = document;
    return here.dataset.field ?? here.dataset.number ?? here.dataset.quiet ?? here.className ?? here.tagName;
});

export async function shot(page, name) {
    const path = join(build, 'page-shots');
    mkdirSync(path, { recursive: true });
    await page.screenshot({ path: join(path, `${name}.png`), animations: 'disabled' });
}

/** A picture for docs/images, of a size that a README bears. */
export async function picture(page, name) {
    const before = page.viewportSize();
    await page.setViewportSize({ width: 1120, height: 660 });
    await page.waitForTimeout(300); // the image lies anew
    await page.locator('.toasts').evaluate((one) => { one.style.visibility = 'hidden'; });
    await shot(page, `docs-${name}`);
    await page.locator('.toasts').evaluate((one) => { one.style.visibility = ''; });
    await page.setViewportSize(before);
}

/** WCAG 2.2 A and AA as far as a program can tell. */
export async function is_accessible(what, page) {
    // The policy of the page forbids scripts in it, not those of the debugger.
    await page.evaluate(axe_source);
    const found = await page.evaluate(async () => {
        // What fades in is not yet as it will be.
        await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})));
        // What sticks lies over whatever happens to be scrolled under it; that can be scrolled away.
        const sticky = [...document.querySelectorAll('.answer, .source')];
        sticky.forEach((one) => { one.style.position = 'static'; });
        const result = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
        sticky.forEach((one) => { one.style.position = ''; });
        return result.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary.split('\n').slice(1, 2)}`).join(' | ')}`);
    });
    equal(`${what}: axe finds nothing`, found, []);
}
