// SPDX-License-Identifier: MIT
// A photograph that lies on its side and says so (EXIF): boxes are pixels of it as it is displayed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, engine, equal, focus, folder, go, is_quiet, person, pole_story, serve, shot, source, test, until, write } from './lib.mjs';

/* A JPEG with orientation 6 (turn right to display): an EXIF part behind its first two bytes. */
function turned(jpeg) {
    const tiff = Buffer.from('49492a0008000000010012010300010000000600000000000000', 'hex');
    const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
    const head = Buffer.from([0xff, 0xe1, 0, 0]);
    head.writeUInt16BE(body.length + 2, 2);
    return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

/* Width and height as the bytes have them. */
function stored_size(jpeg) {
    for (let at = 2; at < jpeg.length; at += 2 + jpeg.readUInt16BE(at + 2)) {
        if (jpeg[at + 1] >= 0xc0 && jpeg[at + 1] <= 0xc2) {
            return [jpeg.readUInt16BE(at + 7), jpeg.readUInt16BE(at + 5)];
        }
    }
    throw new Error('no frame');
}

await test(async () => {
    const pipeline = pole_story({ jobs: 'turned', count: 0 });
    const jpeg = readFileSync(join(source, 'pipelines/invoice-ocr/samples/invoice-001.jpg'));
    write('turned/street-2.jpg', turned(jpeg));
    const [width, height] = stored_size(jpeg);
    equal('the run waits for a person', engine('run', pipeline, 'turned').code, 3);
    const server = await serve('turned');
    const page = await person(server);
    await go(page, '#/next');
    await page.waitForSelector('.picture.there');
    await until('the doubtful box is chosen', async () => (await focus(page)) === '/boxes/1');
    equal('the image has the size that it is displayed with', await page.locator('.picture').evaluate((one) => [one.naturalWidth, one.naturalHeight]), [height, width]);
    equal('and is displayed as it says', await page.locator('.picture').evaluate((one) => getComputedStyle(one).imageOrientation), 'from-image');
    const sheet = await page.locator('.sheet').evaluate((one) => [parseFloat(one.style.width), parseFloat(one.style.height)]);
    equal('and so have its boxes', sheet, [height, width]);
    await page.keyboard.press('Delete');
    await page.keyboard.press('0');
    await page.keyboard.press('b');
    const rect = await page.locator('.picture').boundingBox();
    const middle = [Math.round(height / 2), Math.round(width / 2)];
    const at = (x, y) => [rect.x + x, rect.y + y];
    await page.mouse.move(...at(middle[0] - 40, middle[1] - 60));
    await page.mouse.down();
    await page.mouse.move(...at(middle[0] + 50, middle[1] + 70), { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector('.box-row:nth-child(3)');
    await shot(page, 'turned');

    console.log('-- at other zooms');
    const listed = () => page.locator('.box-row .numbers').evaluateAll((list) => list.map((one) => one.textContent));
    for (const percent of [37, 400]) {
        await page.keyboard.press('Escape');
        await page.keyboard.press('f');
        await page.keyboard.press('0');
        const stage = await page.locator('.stage').boundingBox();
        const scale_of = async () => Number(await page.locator('.stage').getAttribute('data-scale'));
        await page.mouse.move(stage.x + stage.width / 2, stage.y + stage.height / 2);
        await page.mouse.wheel(0, Math.log(percent / 100) / -0.0015);
        await until(`it is shown at ${percent} %`, async () => Math.abs((await scale_of()) * 100 - percent) < 0.5);
        const scale = await scale_of(), shown = await page.locator('.picture').boundingBox();
        const from = [stage.x + stage.width / 2, stage.y + stage.height / 2].map((middle, i) => Math.round((middle - [shown.x, shown.y][i]) / scale));
        const to = [from[0] + Math.round(90 / scale), from[1] + Math.round(70 / scale)];
        const spot = ([x, y]) => [shown.x + x * scale, shown.y + y * scale];
        await page.keyboard.press('b');
        await page.mouse.move(...spot(from));
        await page.mouse.down();
        await page.mouse.move(...spot(to), { steps: 3 });
        await page.mouse.up();
        await page.waitForSelector('.box-row:nth-child(4)');
        const drawn = (await listed()).pop().split(', ').map(Number);
        check(`within a pixel at ${percent} %`, drawn.every((value, i) => Math.abs(value - [...from, ...to][i]) <= 1), { drawn, wanted: [...from, ...to] });
        await page.keyboard.press('Delete');
        await page.waitForSelector('.box-row:nth-child(4)', { state: 'detached' });
    }
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Enter');
    const delivered = () => {
        try {
            return JSON.parse(readFileSync(join(folder, 'turned/out/street-2.json'), 'utf8')).boxes;
        } catch (error) {
            return [];
        }
    };
    await until('it is delivered', () => delivered().length === 2);
    equal('the box is in pixels of the displayed image', delivered()[1].box, [middle[0] - 40, middle[1] - 60, middle[0] + 50, middle[1] + 70]);
    is_quiet('a turned photograph', page);
});
