// SPDX-License-Identifier: MIT
// The pole story: boxes deleted, drawn, moved and resized by mouse and by keys, exact in image
// pixels at 100 % and within one pixel at any other zoom, in an image that lies turned, too.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, engine, engine_json, equal, focus, folder, go, is_accessible, is_quiet, person, pole_story, serve, shot, test, until } from './lib.mjs';

const sorted = (row) => Object.fromEntries(Object.keys(row).sort().map((key) => [key, row[key]]));
const boxes_of = (job) => JSON.parse(readFileSync(join(folder, `poles/out/${job}.json`), 'utf8')).boxes.map(sorted);
const listed = (page) => page.locator('.box-row').evaluateAll((list) => list.map((row) => row.querySelector('.numbers').textContent));
const row_of = (page, number) => page.locator(`.box-row:nth-child(${number})`);

/* From pixels of the image to the screen. */
async function on_screen(page, x, y) {
    const rect = await page.locator('.picture').evaluate((image) => {
        const { left, top, width, height } = image.getBoundingClientRect();
        return { left, top, width, height };
    });
    return [rect.left + (x * rect.width) / 640, rect.top + (y * rect.height) / 640];
}
async function drag(page, from, to) {
    const [ax, ay] = await on_screen(page, ...from), [bx, by] = await on_screen(page, ...to);
    await page.mouse.move(ax, ay);
    await page.mouse.down();
    await page.mouse.move((ax + bx) / 2, (ay + by) / 2, { steps: 4 });
    await page.mouse.move(bx, by, { steps: 4 });
    await page.mouse.up();
}
async function shown(page, job) {
    const [ask] = engine_json('ask', 'list', '--json', 'poles').filter((one) => one.path === job);
    const list = await page.evaluate(async () => (await fetch('/v1/asks')).json());
    await go(page, `#/ask/${list.items.find((one) => one.request === ask.request).id}`);
    await until(`${job} is shown`, () => page.evaluate((path) => document.querySelector('.card h1')?.textContent === path, job));
    await page.waitForSelector('.picture.there');
}
async function open(page, job) {
    await shown(page, job);
    await until('the doubtful box is chosen', async () => (await focus(page)) === '/boxes/1');
}
async function submitted(page, job) {
    await page.keyboard.press('Control+Enter');
    await until(`${job} is delivered`, () => {
        try {
            return boxes_of(job).length >= 0;
        } catch (error) {
            return false;
        }
    });
}

await test(async () => {
    equal('the run waits for people', engine('run', pole_story(), 'poles').code, 3);
    const states = engine_json('status', '--json', 'poles')[0].pipelines[0];
    equal('2 are completed, 4 wait', [states.completed, states.paused], [2, 4]);
    const server = await serve('poles');
    const page = await person(server);

    console.log('-- result 2 by keys: a box that reaches past the edge is deleted');
    await open(page, 'street-2.png');
    equal('the whole image is shown', await page.locator('.picture').evaluate((image) => image.naturalWidth), 640);
    equal('one box is over the line, one under it', await page.locator('.marks .box').evaluateAll((list) => list.map((one) => one.getAttribute('class').split(' ').slice(0, 2).join(' ')).sort()), ['box over', 'box under']);
    const strokes = await page.locator('.marks .box .line').evaluateAll((list) => list.map((one) => `${getComputedStyle(one).stroke} ${getComputedStyle(one).strokeDasharray}`));
    check('they differ in colour and in line', new Set(strokes).size === 2 && strokes.some((one) => one.endsWith('none')), strokes);
    await is_accessible('a card with boxes', page);
    await shot(page, 'boxes');
    await page.keyboard.press('Delete');
    await submitted(page, 'street-2');
    equal('what is left is as it was', boxes_of('street-2'), [{ box: [400, 150, 450, 480], box_id: 'c3', label: 'utility_pole' }]);

    console.log('-- result 3 by mouse, at 100 %');
    await open(page, 'street-3.png');
    equal('the box outside the image is listed', await listed(page), ['220, 180, 280, 400', '700, 400, 730, 450']);
    check('with a warning', (await row_of(page, 2).locator('.warning').innerText()).includes('outside the image of 640 × 640'));
    equal('and not drawn', await page.locator('.marks .box').count(), 1);
    await shot(page, 'outside');
    await row_of(page, 2).getByRole('button', { name: 'Delete box 2' }).click();
    await page.locator('.tools .scale').click();
    equal('the image stands at 100 %', await page.locator('.stage').getAttribute('data-scale'), '1');
    await page.getByRole('button', { name: 'Box', exact: true }).click();
    await drag(page, [500, 100], [540, 420]);
    await page.locator('.tools .scale').click();
    equal('a drawn box is where it was drawn, to the pixel', (await listed(page))[2], '500, 100, 540, 420');
    await row_of(page, 1).locator('.choose').click();
    await drag(page, [280, 290], [300, 290]);
    equal('the right edge went by 20 pixels', (await listed(page))[0], '220, 180, 300, 400');
    await drag(page, [250, 250], [253, 251]);
    equal('less than a click\'s worth moves nothing', (await listed(page))[0], '220, 180, 300, 400');
    await drag(page, [250, 250], [260, 230]);
    equal('a box is moved whole', (await listed(page))[0], '230, 160, 310, 380');
    await drag(page, [260, 230], [250, 250]);
    await submitted(page, 'street-3');
    equal('the answer is what was drawn; a person\'s box has no confidence', boxes_of('street-3'), [
        { box: [220, 180, 300, 400], box_id: 'e5', label: 'utility_pole' },
        { box: [500, 100, 540, 420], box_id: 'h1', label: 'utility_pole', source: 'human' }]);

    console.log('-- result 3 again, at other zooms and turned');
    await open(page, 'street-6.png');
    for (const [zoom, turns] of [['out', 0], ['in', 0], ['fit', 1], ['fit', 3]]) {
        const name = `${zoom}, turned ${turns * 90}`;
        await page.keyboard.press('Escape');
        await page.keyboard.press('f');
        for (let i = 0; i < turns; i++) {
            await page.keyboard.press(']');
        }
        for (let i = 0; i < 3 && zoom !== 'fit'; i++) {
            await page.keyboard.press(zoom === 'in' ? '+' : '-');
        }
        const scale = Number(await page.locator('.stage').getAttribute('data-scale'));
        await page.keyboard.press('b');
        const middle = [320, 320], far = [372, 391];
        const place = async ([x, y]) => {
            const rect = await page.locator('.picture').boundingBox();
            const cx = rect.x + rect.width / 2, cy = rect.y + rect.height / 2;
            const dx = (x - 320) * scale, dy = (y - 320) * scale;
            const [tx, ty] = [[dx, dy], [-dy, dx], [-dx, -dy], [dy, -dx]][turns];
            return [cx + tx, cy + ty];
        };
        const from = await place(middle), to = await place(far);
        await page.mouse.move(...from);
        await page.mouse.down();
        await page.mouse.move(...to, { steps: 5 });
        await page.mouse.up();
        const box = (await listed(page)).pop().split(', ').map(Number);
        check(`within a pixel at ${Math.round(scale * 100)} % (${name})`, box.every((value, i) => Math.abs(value - [...middle, ...far][i]) <= 1), box);
        await page.keyboard.press('Delete');
        for (let i = 0; i < (4 - turns) % 4; i++) {
            await page.keyboard.press(']');
        }
    }

    console.log('-- by keys alone: draw, move, resize, relabel, refuse');
    await page.keyboard.press('Escape');
    await page.keyboard.press('b');
    await page.keyboard.press('b');
    await until('B twice places a box, its numbers have the focus', async () => (await focus(page)) === '/boxes/2#0');
    for (const [i, text] of ['500', '100', '540', '420'].entries()) {
        await page.keyboard.press('Control+A');
        await page.keyboard.type(text);
        await page.keyboard.press(i < 3 ? 'Tab' : 'Enter');
    }
    equal('the numbers are the box', (await listed(page))[2], '500, 100, 540, 420');
    await until('the focus is back on the box', async () => (await focus(page)) === '/boxes/2');
    for (const key of ['ArrowRight', 'ArrowDown', 'Shift+ArrowLeft', 'Alt+ArrowRight', 'Alt+Shift+ArrowUp']) {
        await page.keyboard.press(key);
    }
    equal('arrows move by 1 and 10, Alt moves edges', (await listed(page))[2], '491, 100, 532, 421');
    await page.keyboard.press('n');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('600');
    await page.keyboard.press('Enter');
    equal('reversed corners are put in order', (await listed(page))[2], '532, 100, 600, 421');
    check('with a message', (await row_of(page, 3).locator('.note').innerText()).includes('reversed'));
    await page.keyboard.press('n');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('-40');
    await page.keyboard.press('Enter');
    equal('a corner outside is clamped', (await listed(page))[2], '0, 100, 600, 421');
    check('with a message', (await row_of(page, 3).locator('.note').innerText()).includes('clamped'));
    await page.keyboard.press('n');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('600');
    await page.keyboard.press('Enter');
    check('a box without width is refused', (await row_of(page, 3).locator('.trouble').innerText()).includes('refused'));
    await page.keyboard.press('Control+Enter');
    equal('and the card is not sent with it', await page.locator('.card').getAttribute('data-state'), 'open');
    await until('its numbers have the focus', async () => (await focus(page)) === '/boxes/2#0');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('580');
    await page.keyboard.press('Enter');
    equal('a right number mends it', (await listed(page))[2], '580, 100, 600, 421');
    await page.locator('.box-row.selected .labels input').fill('street_lamp');
    await page.keyboard.press('Tab');
    await row_of(page, 3).locator('.choose').focus();
    await page.keyboard.press('1');
    await row_of(page, 2).locator('.choose').focus();
    await page.keyboard.press('Delete');
    await submitted(page, 'street-6');
    equal('all of it arrives', boxes_of('street-6'), [
        { box: [220, 180, 280, 400], box_id: 'e5', label: 'utility_pole' },
        { box: [580, 100, 600, 421], box_id: 'h1', label: 'utility_pole', source: 'human' }]);

    console.log('-- keys that come before the card\'s first frame');
    await go(page, '#/');
    await page.waitForSelector('.card', { state: 'detached' });
    await page.evaluate(() => {
        const later = [];
        const { requestAnimationFrame, cancelAnimationFrame } = window;
        window.requestAnimationFrame = (act) => later.push(act);
        window.cancelAnimationFrame = (one) => { later[one - 1] = undefined; };
        window.frames_go_on = () => {
            Object.assign(window, { requestAnimationFrame, cancelAnimationFrame });
            later.forEach((act) => act?.(performance.now()));
        };
    });
    await shown(page, 'street-5.png');
    await page.keyboard.press('b');
    await page.keyboard.press('b');
    const added = await until('the new box\'s numbers have the focus', async () => /^\/boxes\/\d+#0$/.exec(await focus(page))?.[0]);
    await page.evaluate(() => window.frames_go_on());
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
    equal('no frame takes it away', await focus(page), added);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Delete');
    await go(page, '#/');
    await page.waitForSelector('.card', { state: 'detached' });

    console.log('-- the image is shifted by arrows and by a drag');
    await open(page, 'street-5.png');
    await page.keyboard.press('0');
    await page.keyboard.press('Escape');
    await until('no field has the focus', async () => (await focus(page)) === 'panel');
    await page.keyboard.press('Escape'); // no box is chosen: arrows are the image's
    await page.waitForSelector('.box.selected', { state: 'detached' });
    const lies = async () => page.locator('.picture').boundingBox();
    const shifted = async (what, act, dx, dy) => {
        const before = await lies();
        await act();
        let now;
        await until(`${what}: by ${dx}, ${dy}`, async () => {
            now = await lies();
            return Math.abs(now.x - before.x - dx) < 1 && Math.abs(now.y - before.y - dy) < 1;
        });
    };
    await shifted('the right arrow', () => page.keyboard.press('ArrowRight'), -60, 0);
    await shifted('the left arrow', () => page.keyboard.press('ArrowLeft'), 60, 0);
    await shifted('the down arrow', () => page.keyboard.press('ArrowDown'), 0, -60);
    await shifted('the up arrow', () => page.keyboard.press('ArrowUp'), 0, 60);
    const boxes_before = await listed(page);
    await shifted('a drag beside the boxes', async () => {
        const [x, y] = await on_screen(page, 100, 120);
        await page.mouse.move(x, y);
        await page.mouse.down();
        await page.mouse.move(x + 40, y + 25, { steps: 4 });
        await page.mouse.up();
    }, 40, 25);
    equal('no box went with it', await listed(page), boxes_before);
    await page.keyboard.press('f');

    console.log('-- two clicks draw as a drag does');
    await page.keyboard.press('0');
    await page.keyboard.press('b');
    await page.mouse.click(...await on_screen(page, 100, 120));
    await page.mouse.click(...await on_screen(page, 160, 300));
    equal('corner by corner', (await listed(page))[2], '100, 120, 160, 300');
    await page.keyboard.press('Delete');
    equal('and gone again', (await listed(page)).length, 2);
    is_quiet('the pole story', page);
});
