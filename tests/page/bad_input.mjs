// SPDX-License-Identifier: MIT
// What goes wrong at a card: a clear word where the person looks, the draft kept, nothing doubled.
import { api, check, engine, equal, focus, folder, go, invoice_story, is_accessible, is_quiet, person, serve, shot, test, until, write } from './lib.mjs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/* A form that sends what it is told, so that the engine alone can refuse it. */
const careless = `export default function (element, card) {
    globalThis.card_of_form = card;
    const told = document.createElement('p');
    told.id = 'told';
    element.append(told);
    const update = () => { told.textContent = ['/line_items/0/quantity', '/nonsense', '/supplier_name'].map((at) => card.flaws(at).join(' ')).join(' | '); };
    update();
    return { update, destroy() {} };
}
`;

await test(async () => {
    const jobs = ['job-1.png', 'job-2.png', 'job-3.png', 'job-4.png', 'job-5.png', 'job-6.png', 'job-7.png', 'job-8.png'];
    const pipeline = invoice_story({ each: jobs });
    const text = readFileSync(join(folder, pipeline), 'utf8');
    equal('the run waits for people', engine('run', pipeline, 'jobs').code, 3);
    write('careless.js', careless);
    write('closed.schema.json', JSON.stringify({ ...JSON.parse(readFileSync(join(folder, 'invoice.schema.json'), 'utf8')), additionalProperties: false }));
    // Closed, so that a field that is not in it is refused.
    write('careless.yaml', text.replace('name: invoice', 'name: careless').replace('schema: invoice.schema.json', 'schema: closed.schema.json\n      form: careless.js'));
    equal('so does the one with its own form', engine('run', 'careless.yaml', 'jobs').code, 3);
    const server = await serve('jobs');
    const page = await person(server, { expected: [/status of (404|409|422)/, /ERR_FAILED/] });
    const { value: { items } } = await api(server, 'GET', '/v1/asks?limit=100');
    const of = (name) => items.filter((one) => one.job.pipeline === name);
    const [first, second, third] = of('invoice').filter((one) => one.questions.length > 1);
    const answers = async (ask) => (await api(server, 'GET', `/v1/jobs/${ask.job.id}`)).value.timeline.filter((one) => one.kind === 'answer').length;
    const open = async (ask) => {
        await go(page, `#/ask/${ask.id}`);
        await page.waitForSelector(`.card[data-ask="${ask.id}"][data-state=open]`);
    };
    const note = () => page.locator('.why-asked .notice.error').innerText();

    console.log('-- an address that changes before the session is known');
    let claims = 0, let_session, let_claim;
    const session = new Promise((done) => { let_session = done; }), claim = new Promise((done) => { let_claim = done; });
    await page.route('**/v1/session', (route) => session.then(() => route.continue()));
    await page.route(`**/v1/asks/${first.id}/claim`, (route) => (claims++, claim.then(() => route.continue())));
    await page.reload();
    await page.waitForSelector('.bar nav');
    const claimed = page.waitForRequest(`**/v1/asks/${first.id}/claim`);
    await go(page, `#/ask/${first.id}`);
    await claimed;
    const counted = page.waitForResponse('**/v1/stats');
    let_session();
    await counted; // asked for just before the address is read again
    let_claim();
    await open(first);
    equal('its card is claimed once', claims, 1);
    await page.unroute('**/v1/session');
    await page.unroute(`**/v1/asks/${first.id}/claim`);

    console.log('-- a field that the schema refuses');
    await until('the field has the focus', async () => (await focus(page)) === '/supplier_name');
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('.field.wrong [role=alert], .field.wrong .trouble');
    check('it is said at the field', (await page.locator('.field.wrong').innerText()).length > 10, await page.locator('.field.wrong').innerText());
    await until('which has the focus', async () => (await focus(page)) === '/supplier_name');
    equal('nothing was taken', await answers(first), 0);
    await page.keyboard.type('Hardware & Son');

    console.log('-- a draft that the engine does not take');
    await page.route('**/draft', (route) => route.fulfill({ status: 422, contentType: 'application/problem+json', body: JSON.stringify({ code: 'bad_member', title: 'Unprocessable', detail: 'the draft is too long', status: 422 }) }));
    await page.keyboard.type('s');
    await page.waitForSelector('.why-asked .notice.error >> text=the draft is too long');
    check('it is said on the card', (await note()).startsWith('The draft was not kept'), await note());
    await page.unroute('**/draft');
    await page.keyboard.press('Backspace');
    await page.waitForSelector('.answer .state >> text=draft kept');

    console.log('-- a version that is old');
    const held = (await api(server, 'GET', `/v1/asks/${first.id}`)).value.lease;
    await page.route('**/answer', async (route) => {
        const body = JSON.parse(route.request().postData());
        await route.continue({ postData: JSON.stringify({ ...body, version: Number(body.version) + 7 }) });
    });
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('.standing');
    check('both versions are shown, and the typed one is kept', (await page.locator('.versions').innerText()).includes('Hardware & Son'));
    check('what happened is said', (await page.locator('.standing').innerText()).includes('This card has changed'));
    check('and the ways on', await page.getByRole('button', { name: 'Copy mine' }).isVisible());
    await is_accessible('a version that is old', page);
    await shot(page, 'stale');
    await page.unroute('**/answer');
    equal('nothing was taken', await answers(first), 0);
    await page.getByRole('button', { name: 'Go on with mine' }).click();
    await page.waitForSelector('.card[data-state=open]');
    equal('it goes on with what was typed', await page.locator('[data-field="/supplier_name"]').inputValue(), 'Hardware & Son');
    await page.waitForSelector('.answer .state >> text=draft kept');
    await page.reload();
    await page.waitForSelector('.card[data-state=open]');
    equal('the draft is there', [await page.locator('[data-field="/supplier_name"]').inputValue(), held !== null], ['Hardware & Son', true]);

    console.log('-- the browser goes before the answer is away');
    await page.locator('[data-field="/line_items/0/quantity"]').fill('10');
    await page.locator('[data-field="/line_items/0/total_cost"]').fill('150.00');
    await page.waitForSelector('.answer .state >> text=draft kept');
    const tried = new Promise((done) => {
        page.route('**/answer', (route) => route.abort('failed').then(done));
    });
    await page.keyboard.press('Control+Enter');
    await tried;
    await page.waitForSelector('.bar .unsent >> text=1 answer kept here');
    // A page that is closed lets go what is held up; nothing more may leave this one.
    await page.evaluate(() => { globalThis.fetch = () => new Promise(() => {}); });
    await page.context().close();
    equal('nothing was taken', await answers(first), 0);
    const again = await person(server, { expected: [/status of (404|409|422)/, /ERR_/] });
    await again.goto(`${server.url}/#/ask/${first.id}`);
    await again.waitForSelector('.card[data-state=open]');
    equal('all that was typed is there', await again.locator('[data-asked]').evaluateAll((list) => list.map((one) => one.value)), ['Hardware & Son', '10']);

    console.log('-- the browser goes while the engine answers');
    const arrived = new Promise((done) => {
        again.route('**/answer', async (route) => {
            // It gets through, its reply does not.
            await fetch(route.request().url(), { method: 'POST', body: route.request().postData(), headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json', 'Idempotency-Key': route.request().headers()['idempotency-key'] } });
            await route.abort('failed');
            done();
        });
    });
    await again.locator('[data-field="/line_items/0/quantity"]').focus();
    await again.keyboard.press('Control+Enter');
    await arrived;
    await again.unroute('**/answer');
    await again.waitForSelector('.toast.done');
    equal('sent once more with its key it is taken once', await answers(first), 1);

    console.log('-- a job that is gone');
    await again.goto(`${server.url}/#/ask/${second.id}`);
    await again.waitForSelector(`.card[data-ask="${second.id}"][data-state=open]`);
    await again.locator('[data-field="/supplier_name"]').fill('Ironmongers');
    await again.waitForSelector('.answer .state >> text=draft kept');
    await again.route(`**/v1/asks/${second.id}/**`, (route) => route.fulfill({ status: 404, contentType: 'application/problem+json', body: JSON.stringify({ code: 'not_found', title: 'Not Found', detail: 'there is no such request any more', status: 404 }) }));
    await again.keyboard.press('Control+Enter');
    await again.waitForSelector('.why-asked .notice.error, .standing');
    const gone = await again.locator('.panel').innerText();
    check('it is said on the card', /no such request any more|withdrawn/.test(gone), gone.slice(0, 300));
    await until('what was typed is still there', async () => (await again.locator('.panel').innerHTML()).includes('Ironmongers') || (await again.locator('[data-field="/supplier_name"]').inputValue()) === 'Ironmongers');
    await again.unroute(`**/v1/asks/${second.id}/**`);
    await go(again, '#/ask/00000000-99');
    await again.waitForSelector('.center h1');
    check('a card that never was is said so, with ways on', (await again.locator('.center').innerText()).includes('cannot be shown') && await again.getByRole('button', { name: 'Next card' }).isVisible());
    await is_accessible('a card that never was', again);
    await go(again, '#/job/00000000-0000-7000-8000-000000000000');
    await again.waitForSelector('.page .notice.error');
    await shot(again, 'gone');

    console.log('-- a lost lease');
    await again.goto(`${server.url}/#/ask/${third.id}`);
    await again.waitForSelector(`.card[data-ask="${third.id}"][data-state=open]`);
    await again.locator('[data-field="/supplier_name"]').fill('Hardware & Son');
    await again.waitForSelector('.answer .state >> text=draft kept');
    let let_go;
    const next_card = new Promise((done) => { let_go = done; });
    await again.route(`**/v1/asks/${third.id}/answer`, async (route) => {
        const body = JSON.parse(route.request().postData());
        await next_card;
        await route.continue({ postData: JSON.stringify({ ...body, fence: Number(body.fence) - 1 }) });
    });
    await again.keyboard.press('Control+Enter');
    // The engine takes its time: by then the card before is on the screen again, with work in it.
    await again.waitForSelector(`.card[data-ask="${second.id}"]`);
    let_go();
    await again.waitForSelector('.toast.error');
    const lost = await again.locator('.toast.error').innerText();
    check('work on another card is not interrupted; it is told which one is held elsewhere', lost.startsWith(`${third.job.path} is held elsewhere now.`), lost);
    equal('and that one stays', await again.locator('.card').getAttribute('data-ask'), second.id);
    await is_accessible('a lost card behind another', again);
    await shot(again, 'lost-behind');
    await again.getByRole('button', { name: 'Go there' }).click();
    await again.waitForSelector(`.card[data-ask="${third.id}"] .standing`);
    check('hers is beside what stands', (await again.locator('.versions').innerText()).includes('Hardware & Son'));
    equal('nothing was taken', await answers(third), 0);
    await again.unroute(`**/v1/asks/${third.id}/answer`);
    await again.getByRole('button', { name: /Take it here|Try again/ }).click();
    await again.waitForSelector('.card[data-state=open]');
    equal('taken back, it is as it was typed', await again.locator('[data-field="/supplier_name"]').inputValue(), 'Hardware & Son');

    console.log('-- no network');
    await again.context().setOffline(true);
    await again.keyboard.press('Control+Enter');
    // Whichever card is on the screen by then.
    await again.waitForSelector('.bar .unsent >> text=1 answer kept here and sent again');
    equal('nothing was taken', await answers(third), 0);
    await shot(again, 'offline');
    await again.context().setOffline(false);
    await until('with the network back it arrives, once', async () => (await answers(third)) === 1);
    await again.waitForSelector('.bar .unsent', { state: 'detached' });

    console.log('-- somewhere else before the card is there');
    const careless_ones = of('careless').filter((one) => one.questions.length > 1);
    const late = careless_ones[2];
    /* Ask for the late card, go on to somewhere else, and let its reply come only then. */
    const overtaken = async (hash, selector) => {
        let arrive;
        const there = new Promise((done) => { arrive = done; });
        await go(again, '#/'); // what is held ahead goes back
        await again.waitForSelector('.list tbody tr');
        await again.route(`**/v1/asks/${late.id}/claim`, async (route) => {
            await there;
            await route.continue();
        });
        await go(again, `#/ask/${late.id}`);
        await again.waitForSelector('.center >> text=Loading');
        await go(again, hash);
        await again.waitForSelector(selector);
        const reply = again.waitForResponse(`**/v1/asks/${late.id}/claim`);
        arrive();
        await (await reply).finished();
        await again.unroute(`**/v1/asks/${late.id}/claim`);
    };
    await overtaken('#/', '.list tbody tr');
    await until('what came when its person had left goes back to the others', async () => (await api(server, 'GET', `/v1/asks/${late.id}`)).value.lease === null);
    await overtaken(`#/ask/${careless_ones[0].id}`, `.card[data-ask="${careless_ones[0].id}"] #told`);
    await again.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
    equal('the card that was asked for last stays', await again.locator('.card').getAttribute('data-ask'), careless_ones[0].id);

    console.log('-- wrong type, unknown field: a form of its own that does not look');
    /* A refusal that comes late finds another card on the screen, and one with work in it stays there: let there
       be none, so that the refused card comes back however long its answer takes. */
    await again.route('**/v1/asks/next', (route) => route.fulfill({ contentType: 'application/json', body: '{"items": []}' }));
    for (const [i, [what, pointer, value, words]] of [['a wrong type', '/line_items/0/quantity', 'ten', /number/], ['an unknown field', '/nonsense/deeper', 1, /nonsense/]].entries()) {
        const own = careless_ones[i];
        await again.goto(`${server.url}/#/ask/${own.id}`);
        await again.reload(); // and no card of before, with work in it, is held
        await again.waitForSelector(`.card[data-ask="${own.id}"] #told`, { state: 'attached' });
        await again.evaluate(([at, to]) => globalThis.card_of_form.set(at, to), [pointer, value]);
        await again.keyboard.press('Escape');
        if (i === 1) { // this refusal comes only when its card has left the screen
            await again.route('**/answer', async (route) => {
                await again.waitForSelector(`.card[data-ask="${own.id}"]`, { state: 'detached' });
                await route.continue();
            });
        }
        await again.keyboard.press('Control+Enter');
        await again.waitForSelector(`.card[data-ask="${own.id}"] .why-asked .notice.error`);
        const told = `${await again.locator('.why-asked .notice.error').innerText()} ${await again.locator(`.card[data-ask="${own.id}"] #told`).innerText()}`;
        check(`${what} is refused by name`, words.test(told), told);
        equal(`${what}: nothing was taken`, await answers(own), 0);
    }
    is_quiet('what goes wrong', again);
    equal('the record is sound', (await server.stop(), engine('verify', 'jobs').code), 0);
});
