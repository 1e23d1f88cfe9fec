// SPDX-License-Identifier: MIT
// The engine is killed under an open card and started again: card, lease and half-typed draft stay,
// and an answer that was on its way arrives.
import { check, engine, engine_json, equal, focus, invoice_story, is_accessible, person, serve, shot, test, until, write } from './lib.mjs';
import { chmodSync } from 'node:fs';

await test(async () => {
    equal('the run waits for a person', engine('run', invoice_story(), 'jobs').code, 3);
    const token_file = write('token', `${'a1'.repeat(32)}\n`);
    chmodSync(token_file, 0o600);
    let server = await serve('jobs', { token_file });
    const away = [/ERR_CONNECTION_REFUSED/, /ERR_EMPTY_RESPONSE/, /ERR_CONNECTION_RESET/, /ERR_INCOMPLETE_CHUNKED/, /ERR_SOCKET_NOT_CONNECTED/, /ERR_NETWORK/];
    const page = await person(server, { expected: away });
    await page.keyboard.press('Enter');
    await page.waitForSelector('.card');
    await until('the first doubtful field has the focus', async () => (await focus(page)) === '/supplier_name');
    await page.keyboard.type('Hardware & S');
    await page.keyboard.press('Tab');
    await page.keyboard.type('1e');
    await page.waitForSelector('.answer .state >> text=draft kept');
    const lease = async () => (await (await fetch(`${server.url}/v1/asks`, { headers: { Authorization: `Bearer ${server.token}` } })).json()).items[0].lease;
    const before = await lease();
    check('the card is held', before?.fence > 0, before);

    console.log('-- killed');
    await server.kill();
    await page.waitForSelector('.away');
    check('the page says that the engine is away', (await page.locator('main > .notice.wait').innerText()).includes('kept here'));
    await page.locator('[data-field="/supplier_name"]').fill('Hardware & So');
    await page.waitForSelector('.answer .state >> text=draft waits for the engine');
    await is_accessible('an engine that is away', page);
    await shot(page, 'away');
    server = await serve('jobs', { token_file, port: server.port });
    await page.waitForSelector('.answer .state >> text=draft kept');
    await page.waitForSelector('.away', { state: 'detached' });
    const behind = await lease();
    equal('the lease is the one from before', [behind?.by, behind?.fence], [before.by, before.fence]);
    equal('the card was never gone', await page.locator('[data-field="/supplier_name"]').inputValue(), 'Hardware & So');

    console.log('-- a browser that starts anew');
    await page.reload();
    await page.waitForSelector('.card[data-state=open]');
    equal('the half-typed draft is there', await page.locator('[data-asked]').evaluateAll((list) => list.map((one) => one.value)), ['Hardware & So', '1e']);
    await page.locator('[data-field="/supplier_name"]').fill('Hardware & Son');
    await page.locator('[data-field="/line_items/0/quantity"]').fill('1.0');

    console.log('-- killed under an answer');
    await page.waitForSelector('.answer .state >> text=draft kept');
    await server.kill();
    await page.keyboard.press('Control+Enter');
    await page.waitForFunction(() => document.querySelector('.card')?.dataset.state === 'sending' || document.querySelector('.center'));
    server = await serve('jobs', { token_file, port: server.port });
    await until('the answer arrives, once', () => engine_json('status', '--json', 'jobs')[0].pipelines[0].completed === 4);
    await page.waitForSelector('.toast.done');
    const [job] = engine_json('show', '--json', 'jobs', 'job-2.png');
    equal('one answer is on record', job.history.filter((one) => one.kind === 'answer').length, 1);
    equal('no message in the console but of the engine that is away', page.told, []);
    equal('the record is sound', (await server.stop(), engine('verify', 'jobs').code), 0);
});
