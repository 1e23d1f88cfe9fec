// SPDX-License-Identifier: MIT
// How soon the review page paints, and how soon the next card is there with its picture: a browser
// at an engine that has read invoices for the demo's pipeline. Beside each stands the least that this
// browser can do: a page of as many bytes that says one word, and a title and a picture exchanged.
//
//     FOUNDRY_BUILD_ROOT=build FOUNDRY_SOURCE_ROOT=. bash tests/page/run.sh bench
//
// prints a line a figure, each the median of 5: NAME MILLISECONDS.
import { engine, folder, person, serve, source, until } from '../tests/page/lib.mjs';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const rounds = 5, pictures = [1, 4, 6, 7].map((i) => `invoice-${String(i).padStart(3, '0')}.jpg`);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const say = (name, list) => {
    if (list.length !== rounds) {
        throw new Error(`${name}: ${list.length} of ${rounds} rounds`);
    }
    console.log(`${name} ${median(list).toFixed(1)}`);
};

/** The page's files, but that the script is a comment as long, and a word behind it. */
async function bare_server() {
    const dist = (name) => readFileSync(join(source, 'engine/serve/page/dist', name));
    const word = "document.body.textContent = 'Foundry';";
    const files = {
        '/': ['text/html; charset=utf-8', dist('index.html')],
        '/app.css': ['text/css; charset=utf-8', dist('app.css')],
        '/app.js': ['text/javascript; charset=utf-8', `/*${'-'.repeat(dist('app.js').length - word.length - 4)}*/${word}`],
        '/favicon.svg': ['image/svg+xml', dist('favicon.svg')],
    };
    const server = createServer((request, reply) => {
        const [type, bytes] = files[request.url] ?? ['text/plain', 'there is none'];
        reply.writeHead(files[request.url] ? 200 : 404, { 'Content-Type': type, 'Cache-Control': 'no-store' });
        reply.end(bytes);
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    return { url: `http://127.0.0.1:${server.address().port}/` };
}

/** From the navigation to the first content on the screen. */
async function first_paint(page, url) {
    await page.goto('about:blank');
    await page.goto(url);
    return until('it paints', () => page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime));
}

const leased = (page) => page.evaluate(async () => {
    const { items } = await (await fetch('/v1/asks?state=open&limit=200')).json();
    return items.filter((one) => one.lease !== null).length;
});

/** In a page that was just loaded: from a key to the frame behind the one that has another title, and
 *  its picture whole. */
async function next_card(page) {
    await page.waitForSelector('.list tbody tr');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.picture.there');
    await until('two are held ahead', async () => await leased(page) === 3);
    await until('with their pictures', () => page.evaluate(() =>
        performance.getEntriesByType('resource').filter((one) => one.name.includes('/artifacts/') && one.responseEnd > 0).length >= 3));
    await page.keyboard.press('Escape');
    await page.evaluate(() => {
        globalThis.next_ms = undefined;
        addEventListener('keydown', ({ timeStamp }) => {
            const before = document.querySelector('.card h1').textContent;
            const look = () => {
                const title = document.querySelector('.card h1')?.textContent, picture = document.querySelector('.picture');
                if (title !== undefined && title !== before && picture?.complete && picture.naturalWidth > 0) {
                    requestAnimationFrame(() => { globalThis.next_ms = performance.now() - timeStamp; });
                } else {
                    requestAnimationFrame(look);
                }
            };
            requestAnimationFrame(look);
        }, { capture: true, once: true });
    });
    await page.keyboard.press('j');
    const found = await until('the next card is there', () => page.evaluate(() => globalThis.next_ms));
    await page.evaluate(() => { location.hash = '#/'; });
    await until('all are given back', async () => await leased(page) === 0);
    return found;
}

/** The same with nothing but a title and two pictures that are there. */
async function bare_swap(page, paths) {
    await page.evaluate(async (sources) => {
        const title = document.createElement('h1'), images = sources.map((path) => Object.assign(new Image(), { src: path }));
        await Promise.all(images.map((one) => one.decode()));
        document.body.replaceChildren(title, images[0]);
        await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
        globalThis.next_ms = undefined;
        addEventListener('keydown', ({ timeStamp }) => {
            title.textContent = 'the next';
            images[0].replaceWith(images[1]);
            requestAnimationFrame(() => requestAnimationFrame(() => { globalThis.next_ms = performance.now() - timeStamp; }));
        }, { once: true });
    }, paths);
    await page.keyboard.press('s');
    return until('the swap is there', () => page.evaluate(() => globalThis.next_ms));
}

async function measure(endings) {
    mkdirSync(join(folder, 'jobs'));
    for (const name of pictures) {
        copyFileSync(join(source, 'pipelines/invoice-ocr/samples', name), join(folder, 'jobs', name));
    }
    const ran = engine('run', join(source, 'pipelines/invoice-ocr/invoice-ocr.yaml'), 'jobs', '-p', 'threshold=1');
    if (ran.code !== 3) {
        throw new Error(`the run ended with ${ran.code}: ${ran.err}`);
    }
    const server = await serve('jobs');
    endings.push(server.stop);
    const bare = await bare_server(), page = await person(server);
    const paint = [], bare_paint = [], card = [], swap = [];
    const { items: jobs } = await page.evaluate(async () => (await fetch('/v1/jobs')).json());
    const paths = jobs.slice(0, 2).map(({ id }) => `/v1/jobs/${id}/artifacts/input`);
    // The first of each warms: the browser's processes, the plugin that decodes.
    for (let i = -1; i < rounds; i++) {
        const bare_ms = await first_paint(page, bare.url), paint_ms = await first_paint(page, `${server.url}/`);
        const card_ms = await next_card(page);
        await page.goto(`${server.url}/openapi.json`); // of the same server, with nothing on it
        const swap_ms = await bare_swap(page, paths);
        if (i >= 0) {
            bare_paint.push(bare_ms);
            paint.push(paint_ms);
            card.push(card_ms);
            swap.push(swap_ms);
        }
    }
    say('first_paint_ms', paint);
    say('bare_paint_ms', bare_paint);
    say('next_card_ms', card);
    say('bare_swap_ms', swap);
}

let code = 0;
const endings = [];
try {
    await measure(endings);
} catch (error) {
    console.error(error.stack);
    code = 1;
}
for (const end of endings) {
    await end();
}
rmSync(folder, { recursive: true, force: true });
process.exit(code); // and the browser and the bare server with it
