// SPDX-License-Identifier: MIT
// Pictures that a browser does not show by itself: pages of a TIFF, a turned one, 20 and 32
// megapixels, BMP; and such as nobody shows: bombs, garbage, files that are cut off.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { api, check, engine, engine_json, equal, focus, go, is_accessible, is_quiet, person, png, pole_story, serve, shot, source, test, tiff, until, write } from './lib.mjs';

const plain = (rgb) => () => rgb;
const marked = (rgb, spots) => (x, y) => (spots.some(([sx, sy]) => Math.abs(x - sx) < 8 && Math.abs(y - sy) < 8) ? [0, 0, 0] : rgb);

/* A BMP of 24 bits, from the bottom up. */
function bmp(width, height, [r, g, b]) {
    const row = Math.ceil((width * 3) / 4) * 4, head = Buffer.alloc(54);
    head.write('BM', 0, 'latin1');
    head.writeUInt32LE(54 + row * height, 2);
    head.writeUInt32LE(54, 10);
    head.writeUInt32LE(40, 14);
    head.writeInt32LE(width, 18);
    head.writeInt32LE(height, 22);
    head.writeUInt16LE(1, 26);
    head.writeUInt16LE(24, 28);
    const body = Buffer.alloc(row * height);
    for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
            body.set([b, g, r], y * row + x * 3);
        }
    }
    return Buffer.concat([head, body]);
}

/* Only the head of a picture of that size is there. */
function bomb(width, height) {
    const whole = png(2, 2, plain([9, 9, 9]));
    whole.writeUInt32BE(width, 16);
    whole.writeUInt32BE(height, 20);
    return whole;
}

const jpeg = readFileSync(join(source, 'pipelines/invoice-ocr/samples/invoice-001.jpg'));
const street = readFileSync(join(source, 'pipelines/invoice-ocr/samples/invoice-002.png'));
// Sorted by name, each gets result 2 or 3: playback goes round by number.
const files = {
    'b-2.tif': tiff([[200, 40, 40], [40, 160, 40], [40, 40, 200]].map((rgb, i) => ({ width: 640, height: 640 - i * 40, colour: marked(rgb, [[100, 100]]) }))),
    'c-2.tif': tiff([{ width: 600, height: 400, colour: marked([230, 200, 60], [[20, 20]]), orientation: 6 }]),
    'd-2.tif': tiff([{ width: 5472, height: 3648, colour: marked([120, 140, 160], [[2000, 1000]]) }]),
    'e-2.tif': tiff([{ width: 6400, height: 5000, colour: marked([160, 140, 120], [[4000, 3000]]) }]),
    'f-2.bmp': bmp(300, 200, [90, 60, 200]),
    'g-2.png': bomb(50000, 50000),
    'h-2.jpg': jpeg.subarray(0, Math.floor(jpeg.length / 3)),
    'i-2.png': street.subarray(0, Math.floor(street.length / 2)),
    'j-2.tif': Buffer.concat([Buffer.from('II*\0'), Buffer.alloc(2000, 0x5a)]),
    'k-2.tif': tiff([{ width: 64, height: 64, colour: plain([1, 2, 3]) }]).subarray(0, 160),
};

await test(async () => {
    const pipeline = pole_story({ jobs: 'pictures', count: 0 });
    for (const [name, bytes] of Object.entries(files)) {
        write(`pictures/${name}`, bytes);
    }
    equal('the run waits for people', engine('run', pipeline, 'pictures').code, 3);
    const server = await serve('pictures');
    const page = await person(server, { expected: [/status of (422|404)/] });
    const { value: { items } } = await api(server, 'GET', '/v1/asks?limit=100');
    equal('each picture has a card', items.map((one) => one.job.path).sort(), Object.keys(files));
    const open = async (name) => {
        await go(page, `#/ask/${items.find((one) => one.job.path === name).id}`);
        await page.waitForFunction((path) => document.querySelector('.card h1')?.textContent === path, name);
    };
    const shown = async (name) => {
        await open(name);
        await page.waitForSelector('.picture.there');
    };
    const colour = () => page.locator('.picture').evaluate((picture) => {
        const canvas = document.createElement('canvas');
        canvas.width = canvas.height = 1;
        const context = canvas.getContext('2d');
        context.drawImage(picture, picture.naturalWidth / 2, picture.naturalHeight / 2, 1, 1, 0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    });
    const is_near = (got, wanted) => got.every((value, i) => Math.abs(value - wanted[i]) <= 6);
    const sheet = () => page.locator('.sheet').evaluate((one) => [parseFloat(one.style.width), parseFloat(one.style.height)]);
    const listed = () => page.locator('.box-row').evaluateAll((list) => list.map((row) => row.querySelector('.numbers').textContent));

    console.log('-- pages');
    await shown('b-2.tif');
    equal('a file of three pages says so', await page.locator('.pages span').innerText(), 'page 1 / 3');
    check('the first is shown', is_near(await colour(), [200, 40, 40]), await colour());
    await is_accessible('a file of pages', page);
    await page.keyboard.press('Escape');
    await page.keyboard.press('PageDown');
    await page.waitForSelector('.pages >> text=page 2 / 3');
    equal('boxes of the first are not drawn on it', await page.locator('.marks .box').count(), 0);
    equal('and none can be, for nothing says that these boxes have pages', await page.getByRole('button', { name: 'Box', exact: true }).count(), 0);
    await until('PgDn shows the second', async () => (await page.locator('.picture.there').count()) === 1 && is_near(await colour(), [40, 160, 40]));
    equal('with its own size', await sheet(), [640, 600]);
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.waitForSelector('.pages >> text=page 3 / 3');
    await until('a click shows the third', async () => (await page.locator('.picture.there').count()) === 1 && is_near(await colour(), [40, 40, 200]));
    check('behind the last there is none', await page.getByRole('button', { name: 'Next page' }).isDisabled());
    await shot(page, 'pages');
    await page.keyboard.press('Escape');
    await page.keyboard.press('PageUp');
    await page.waitForSelector('.pages >> text=page 2 / 3');

    console.log('-- turned, large, of another kind');
    await shown('c-2.tif');
    equal('a TIFF that lies on its side is displayed upright', [await sheet(), await page.locator('.picture').evaluate((one) => [one.naturalWidth, one.naturalHeight])], [[400, 600], [400, 600]]);
    await shown('d-2.tif');
    equal('20 megapixels arrive whole', [await sheet(), await page.locator('.picture').evaluate((one) => one.naturalWidth)], [[5472, 3648], 5472]);
    await shown('f-2.bmp');
    check('a BMP is shown', is_near(await colour(), [90, 60, 200]), await colour());
    await shown('e-2.tif');
    const arrived = await page.locator('.picture').evaluate((one) => one.naturalWidth * one.naturalHeight);
    check('32 megapixels arrive smaller', arrived > 20e6 && arrived <= 25.1e6, arrived);
    equal('but count as what they are', await sheet(), [6400, 5000]);
    for (const percent of [37, 400]) {
        await page.keyboard.press('Escape');
        await page.keyboard.press('0');
        const stage = await page.locator('.stage').boundingBox();
        await page.mouse.move(stage.x + stage.width / 2, stage.y + stage.height / 2);
        await page.mouse.wheel(0, Math.log(percent / 100) / -0.0015);
        await until(`the zoom is ${percent} %`, async () => Math.abs(Number(await page.locator('.stage').getAttribute('data-scale')) * 100 - percent) < 0.5);
        const scale = Number(await page.locator('.stage').getAttribute('data-scale'));
        const rect = await page.locator('.sheet').boundingBox();
        const [x, y] = [Math.round((stage.x + stage.width / 2 - rect.x) / scale), Math.round((stage.y + stage.height / 2 - rect.y) / scale)];
        const to = [x + Math.round(150 / scale), y + Math.round(110 / scale)];
        const before = await page.locator('.box-row').count();
        await page.keyboard.press('b');
        await page.mouse.move(rect.x + x * scale, rect.y + y * scale);
        await page.mouse.down();
        await page.mouse.move(rect.x + to[0] * scale, rect.y + to[1] * scale, { steps: 3 });
        await page.mouse.up();
        await until('the box is listed', async () => (await page.locator('.box-row').count()) === before + 1);
        const drawn = (await listed()).pop().split(', ').map(Number);
        check(`a box at ${percent} % is where it was drawn`, drawn.every((value, i) => Math.abs(value - [x, y, ...to][i]) <= 1), { drawn, wanted: [x, y, ...to] });
    }
    await shot(page, 'large');

    console.log('-- what nobody shows');
    for (const [name, words] of [['g-2.png', /50000 x 50000 pixels/], ['h-2.jpg', /damaged|cannot be decoded/], ['i-2.png', /damaged|cannot be decoded/],
        ['j-2.tif', /directory cannot be read|header/], ['k-2.tif', /cannot be (decoded|read)/]]) {
        await open(name);
        await page.waitForSelector('.viewer [role=alert]');
        const told = await page.locator('.viewer [role=alert]').first().innerText();
        check(`${name}: it is said where one looks`, words.test(told), told);
        await is_accessible(name, page);
        await shot(page, `hostile-${name.slice(0, 1)}`);
    }
    await page.getByRole('button', { name: 'Add a box by numbers' }).click();
    await until('a box can be typed all the same', async () => /#0$/.test(await focus(page) ?? ''));
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Enter');
    await until('and the card is answered', () => engine_json('ask', 'list', '--json', 'pictures').every((one) => one.path !== 'k-2.tif'));
    equal('the server lives', (await api(server, 'GET', '/healthz')).status, 200);
    is_quiet('pictures', page);
    equal('the record is sound', (await server.stop(), engine('verify', 'pictures').code), 0);
});
