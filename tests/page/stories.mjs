// SPDX-License-Identifier: MIT
// The acceptance stories of invoices and poles, each step by keyboard alone and each step by mouse:
// what a hand may not do is watched.
//
// STORY_HAND    keys or mouse
import { check, engine, engine_json, equal, focus, folder, invoice_story, is_quiet, person, pole_story, serve, shot, test, until, write } from './lib.mjs';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const hand = process.env.STORY_HAND ?? 'keys';
const keys = hand === 'keys';

/* What the hand did: presses of the pointer, keys other than characters of a text. */
async function watch(page) {
    await page.evaluate(() => {
        globalThis.hand = { pointer: 0, keys: [] };
        addEventListener('pointerdown', () => { globalThis.hand.pointer++; }, { capture: true });
        addEventListener('keydown', (event) => {
            if (event.key.length !== 1 || event.ctrlKey || !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) {
                globalThis.hand.keys.push(event.key);
            }
        }, { capture: true });
    });
}
async function is_alone(what, page) {
    const done = await page.evaluate(() => globalThis.hand);
    equal(`${what}: by ${keys ? 'keyboard' : 'mouse'} alone`, keys ? done.pointer : done.keys, keys ? 0 : []);
    check(`${what}: that hand did something`, keys ? done.keys.length > 0 : done.pointer > 0, done);
}

/* Tab until what is wanted has the focus. */
async function tab_to(page, what, is_there) {
    for (let i = 0; i < 200; i++) {
        if (await page.evaluate(is_there, what)) {
            return;
        }
        await page.keyboard.press('Tab');
    }
    throw new Error(`Tab never comes to ${what}`);
}
const is_named = (name) => {
    const here = document.activeElement;
    return /^(A|BUTTON)$/.test(here.tagName) && (here.getAttribute('aria-label') ?? here.textContent).trim().startsWith(name);
};

/** A link or a button by its name. */
async function press(page, name) {
    if (keys) {
        await tab_to(page, name, is_named);
        await page.keyboard.press('Enter');
        return;
    }
    await page.locator('a, button').filter({ hasText: new RegExp(`^\\s*${name}`) }).or(page.getByLabel(name, { exact: true })).first().click();
}
/** The text of a field. */
async function type(page, pointer, text) {
    if (keys) {
        await tab_to(page, pointer, (wanted) => (document.activeElement.dataset.field ?? document.activeElement.dataset.number) === wanted);
        await page.keyboard.press('Control+A');
    } else {
        await page.locator(`[data-field="${pointer}"], [data-number="${pointer}"]`).click({ clickCount: 3 });
    }
    await page.keyboard.type(text);
}
const submit = (page) => (keys ? page.keyboard.press('Control+Enter') : page.locator('.answer .primary').click());
async function open_first(page, path) {
    await page.waitForSelector('.list tbody tr');
    await (keys ? page.keyboard.press('Enter') : page.locator('.list tbody tr', { hasText: path }).getByRole('link').first().click());
    await page.waitForSelector('.card[data-state=open]');
    await page.waitForFunction((wanted) => document.querySelector('.card h1')?.textContent === wanted, path);
    await page.waitForSelector('.picture.there');
}
const row_of = (page, number) => page.locator(`.box-row:nth-child(${number})`);
const listed = (page) => page.locator('.box-row').evaluateAll((list) => list.map((row) => row.querySelector('.numbers').textContent));

// ---- invoices ----

async function invoices() {
    equal('S1.2: three are completed, one waits', engine('run', invoice_story(), 'jobs').code, 3);
    const token_file = write('token', `${'a1'.repeat(32)}\n`);
    chmodSync(token_file, 0o600);
    let server = await serve('jobs', { token_file });
    const away = [/status of 422/, /ERR_/];
    const page = await person(server, { expected: away });
    await watch(page);

    console.log('-- S1.3: the card');
    await open_first(page, 'job-2.png');
    const picture = await page.locator('.picture').boundingBox(), form = await page.locator('.answer').boundingBox();
    check('its image at left, a form at right', picture.x + picture.width / 2 < form.x, { picture, form });
    equal('exactly two fields are marked', await page.locator('[data-asked]').evaluateAll((list) => list.map((one) => [one.dataset.field, one.value])), [['/supplier_name', 'Hardwar & Son'], ['/line_items/0/quantity', '1.0']]);
    await until('the first marked field has the focus', async () => (await focus(page)) === '/supplier_name');

    console.log('-- S1.5: killed under it');
    await type(page, '/supplier_name', 'Hardware & S');
    await page.waitForSelector('.answer .state >> text=draft kept');
    const lease = async () => (await (await fetch(`${server.url}/v1/asks`, { headers: { Authorization: `Bearer ${server.token}` } })).json()).items[0].lease;
    const before = await lease();
    await server.kill();
    await page.waitForSelector('.away');
    server = await serve('jobs', { token_file, port: server.port });
    await page.waitForSelector('.away', { state: 'detached' });
    equal('card and half-typed draft are there', await page.locator('[data-asked]').first().inputValue(), 'Hardware & S');
    equal('the lease is the one from before', (await lease())?.fence, before.fence);

    console.log('-- S1.4: the answer');
    await type(page, '/supplier_name', 'Hardware & Son');
    await type(page, '/line_items/0/quantity', '10');
    await submit(page);
    await page.waitForSelector('tr.wrong');
    check('refused, with its numbers', (await page.locator('.trouble[role=alert]').allInnerTexts()).some((text) => text.includes('quantity * unit_price = 150.00, total_cost = 15.00')));
    await shot(page, `story-refused-${hand}`);
    await type(page, '/line_items/0/total_cost', '150.00');
    await submit(page);
    await page.waitForSelector('.toast.done');
    await until('job 2 is completed', () => engine_json('status', '--json', 'jobs')[0].pipelines[0].completed === 4);
    const [job] = engine_json('show', '--json', 'jobs', 'job-2.png');
    equal('extract ran once, finish ran once', ['extract', 'finish'].map((phase) => job.history.filter((one) => one.phase === phase && one.kind === 'output').length), [1, 1]);

    console.log('-- S1.7: the report');
    await page.waitForSelector('.center.done');
    await press(page, 'Report');
    await page.waitForSelector('.figures');
    const figures = await page.locator('.figures > div').evaluateAll((list) => Object.fromEntries(list.map((one) => [one.querySelector('dt').textContent, one.querySelector('dd').firstChild.textContent])));
    equal('3 auto-accepted, 1 corrected, 3 fields', [figures['auto-accepted'], figures.corrected, figures['fields changed']], ['3', '1', '3']);
    check('seconds spent', /\d/.test(figures['a card, median']), figures);
    equal('hits by detector', await page.locator('.report section', { has: page.getByRole('heading', { name: 'Detectors' }) }).locator('tbody tr').first().locator('th, td').allInnerTexts().then((cells) => cells.slice(0, 3)), ['detect/low-confidence', '2', '2']);
    await is_alone('S1.3 to S1.5, S1.7', page);
    equal('no message in the console but of the engine that was away', page.told, []);
    await server.stop();
}

async function two_browsers() {
    const pipeline = invoice_story({ jobs: 'race', each: ['job-1.png', 'job-2.png'] });
    write(pipeline, readFileSync(join(folder, pipeline), 'utf8').replace('schema: invoice.schema.json', 'schema: invoice.schema.json\n      lease: 2s'));
    equal('one waits', engine('run', pipeline, 'race').code, 3);
    const tokens = { ann: 'a1'.repeat(32), bob: 'b2'.repeat(32) }; // a lease is a name's
    const token_file = write('tokens', Object.entries(tokens).map((line) => `${line.join(' ')}\n`).join(''));
    chmodSync(token_file, 0o600);
    const server = await serve('race', { token_file });
    const expected = [/status of 4(09|22)/, /ERR_FAILED/];
    const [ann, bob] = await Promise.all(Object.values(tokens).map((token) => person({ ...server, login: `${server.url}/login?token=${token}` }, { expected })));
    await watch(ann);
    await watch(bob);

    console.log('-- S1.6: a second browser');
    await open_first(ann, 'job-2.png');
    await press(bob, 'Review');
    await bob.waitForSelector('.center');
    equal('bob does not get job 2', await bob.locator('.card').count(), 0);
    await type(ann, '/supplier_name', 'Hardware & Son');
    await ann.waitForSelector('.answer .state >> text=draft kept');
    await ann.route('**/heartbeat', (route) => route.abort('failed')); // her network is down for it
    await bob.waitForSelector('.card[data-state=open]', { timeout: 60000 }); // by itself, when her lease has lapsed
    await submit(ann);
    await ann.waitForSelector('.standing');
    check('the late one sees both versions', (await ann.locator('.versions').innerText()).includes('Hardware & Son'));
    await type(bob, '/line_items/0/quantity', '10');
    await submit(bob);
    await bob.waitForSelector('tr.wrong');
    await press(bob, 'It is right: override');
    if (keys) {
        await until('the reason has the focus', () => bob.evaluate(() => document.activeElement.dataset.override !== undefined));
    } else {
        await bob.locator('[data-override]').click();
    }
    await bob.keyboard.type('the supplier rounds');
    await shot(bob, `story-override-${hand}`);
    await submit(bob);
    await bob.waitForSelector('.toast.done');
    check('S1.4: the reason is stored', engine('export', 'race', '--format', 'foundry', '-o', '-').out.includes('the supplier rounds'));
    await ann.waitForSelector('.standing >> text=That answer stands');
    const versions = await ann.locator('.versions tr.differs').allInnerTexts();
    check('both versions are shown', ['"Hardware & Son"', '10'].every((text) => versions.some((row) => row.includes(text))), versions);
    await ann.unroute('**/heartbeat');
    await press(ann, 'Open it again with mine');
    await ann.waitForSelector('.card[data-state=open]');
    equal('hers is in the form', await ann.locator('[data-field="/supplier_name"]').inputValue(), 'Hardware & Son');
    await submit(ann);
    await ann.waitForSelector('.toast.done');
    await until('and is delivered', () => JSON.parse(readFileSync(join(folder, 'race/out/job-2.json'), 'utf8')).supplier_name === 'Hardware & Son');
    await is_alone('S1.6, ann', ann);
    await is_alone('S1.6, bob', bob);
    is_quiet('ann', ann);
    is_quiet('bob', bob);
    await server.stop();
}

// ---- poles ----

/* From pixels of the image to the screen. */
async function on_screen(page, [x, y]) {
    const rect = await page.locator('.picture').boundingBox();
    return [rect.x + (x * rect.width) / 640, rect.y + (y * rect.height) / 640];
}
async function drag(page, from, to) {
    await page.mouse.move(...await on_screen(page, from));
    await page.mouse.down();
    await page.mouse.move(...await on_screen(page, to), { steps: 8 });
    await page.mouse.up();
}
/* A new box with these numbers: typed, or drawn. */
async function draw(page, box) {
    if (!keys) {
        await page.getByRole('button', { name: 'Box', exact: true }).click();
        await drag(page, box.slice(0, 2), box.slice(2));
        return;
    }
    await page.keyboard.press('Escape');
    await page.keyboard.press('b');
    await page.keyboard.press('b');
    await until('its numbers have the focus', async () => (await focus(page))?.endsWith?.('#0'));
    for (const [i, number] of box.entries()) {
        await page.keyboard.press('Control+A');
        await page.keyboard.type(String(number));
        await page.keyboard.press(i < 3 ? 'Tab' : 'Enter');
    }
}
async function delete_box(page, number) {
    if (keys) {
        await tab_to(page, `/boxes/${number - 1}`, (wanted) => document.activeElement.dataset.field === wanted);
        await page.keyboard.press('Delete');
    } else {
        await row_of(page, number).getByRole('button', { name: `Delete box ${number}` }).click();
    }
}
async function submitted(page, job) {
    await submit(page);
    return until(`${job} is delivered`, () => {
        try {
            const { boxes } = JSON.parse(readFileSync(join(folder, `poles/out/${job}.json`), 'utf8'));
            return boxes.map((row) => Object.fromEntries(Object.keys(row).sort().map((key) => [key, row[key]])));
        } catch (error) {
            return false;
        }
    });
}
async function at_card(page, path) {
    await page.waitForFunction((wanted) => document.querySelector('.card[data-state=open] h1')?.textContent === wanted, path);
    await page.waitForSelector('.picture.there');
}

async function poles() {
    equal('S2.1: the run waits for people', engine('run', pole_story(), 'poles').code, 3);
    const states = engine_json('status', '--json', 'poles')[0].pipelines[0];
    equal('2 are completed, 4 wait', [states.completed, states.paused], [2, 4]);
    const server = await serve('poles');
    const page = await person(server);
    await watch(page);
    await page.waitForSelector('.list tbody tr');
    const order = await page.locator('.list tbody th').allInnerTexts();
    equal('four cards', [...order].sort(), ['street-2.png', 'street-3.png', 'street-5.png', 'street-6.png']);
    await open_first(page, order[0]);
    for (const path of order) {
        await at_card(page, path);
        const stem = path.replace('.png', '');
        if (path === 'street-2.png' || path === 'street-5.png') {
            console.log(`-- S2.2: ${path}`);
            equal('boxes over and under the line', await page.locator('.marks .box').evaluateAll((list) => list.map((one) => one.getAttribute('class').split(' ')[1]).sort()), ['over', 'under']);
            await delete_box(page, 2);
            equal('what is left is as it was', await submitted(page, stem), [{ box: [400, 150, 450, 480], box_id: 'c3', label: 'utility_pole' }]);
        } else if (path === 'street-3.png') {
            console.log(`-- S2.3: ${path}`);
            equal('the box outside is listed with a warning, not drawn', [(await row_of(page, 2).locator('.warning').innerText()).includes('outside'), await page.locator('.marks .box').count()], [true, 1]);
            await delete_box(page, 2);
            if (!keys) {
                await page.locator('.tools .scale').click(); // to 100 %
            }
            await draw(page, [500, 100, 540, 420]);
            if (keys) {
                await tab_to(page, '/boxes/0', (wanted) => document.activeElement.dataset.field === wanted);
                for (let k = 0; k < 20; k++) {
                    await page.keyboard.press('Alt+ArrowRight');
                }
            } else {
                await row_of(page, 1).locator('.choose').click();
                await drag(page, [280, 290], [300, 290]);
            }
            equal('drawn to the pixel, the right edge 20 further', [(await listed(page))[0], (await listed(page))[2]], ['220, 180, 300, 400', '500, 100, 540, 420']);
            await shot(page, `story-poles-${hand}`);
            equal('a person\'s box has no confidence', await submitted(page, stem), [
                { box: [220, 180, 300, 400], box_id: 'e5', label: 'utility_pole' },
                { box: [500, 100, 540, 420], box_id: 'h1', label: 'utility_pole', source: 'human' }]);
        } else {
            console.log(`-- S2.4: ${path}`);
            await delete_box(page, 2);
            await draw(page, [540, 420, 500, 100]);
            equal('reversed corners are put in order', (await listed(page))[2], '500, 100, 540, 420');
            await draw(page, [600, 500, 690, 560]);
            equal('what reaches outside is clamped', (await listed(page))[3], '600, 500, 640, 560');
            const [names, stage] = [await page.locator('.marks .box text').evaluateAll((list) => list.map((one) => one.getBoundingClientRect().right)), await page.locator('.stage').boundingBox()];
            check('the name of a box at the edge is read whole', names.length === 3 && Math.max(...names) <= stage.x + stage.width, { names, stage });
            check('with a message', (await (keys ? row_of(page, 4) : page.locator('.toasts')).innerText()).includes('clamped to the image of 640 × 640'), await page.locator('.toasts').innerText());
            await draw(page, [300, 300, 300, 300]);
            check('one of zero size is refused', keys ? (await row_of(page, 5).locator('.trouble').innerText()).includes('refused') : (await listed(page)).length === 4, await listed(page));
            await shot(page, `story-bad-boxes-${hand}`);
            if (keys) {
                await delete_box(page, 5);
            } else if (await page.locator('.tools [aria-pressed=true]').count() > 0) {
                await page.getByRole('button', { name: 'Box', exact: true }).click();
            }
            equal('the right ones are taken', (await submitted(page, stem)).map((one) => one.box), [[220, 180, 280, 400], [500, 100, 540, 420], [600, 500, 640, 560]]);
        }
    }
    await is_alone('S2.1 to S2.4', page);
    is_quiet('the pole story', page);
    await server.stop();
}

await test(async () => {
    await invoices();
    await two_browsers();
    await poles();
});
