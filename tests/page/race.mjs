// SPDX-License-Identifier: MIT
// Two browsers on one queue: nobody gets the other's card, a lapsed lease and an answer from
// elsewhere end in both versions side by side.
import { api, check, engine, engine_json, equal, focus, folder, invoice_story, is_accessible, is_quiet, person, serve, shot, test, until, write } from './lib.mjs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

await test(async () => {
    const pipeline = invoice_story({ each: ['job-1.png', 'job-2.png', 'job-3.png', 'job-4.png', 'job-5.png'] });
    const path = join(folder, pipeline);
    write(pipeline, readFileSync(path, 'utf8').replace('schema: invoice.schema.json', 'schema: invoice.schema.json\n      lease: 2s'));
    equal('the run waits for two answers', engine('run', pipeline, 'jobs').code, 3);
    const server = await serve('jobs');
    const expected = [/status of 409/];
    const ann = await person(server, { expected });
    const bob = await person(server, { expected });

    console.log('-- one card each');
    const waiting = engine_json('ask', 'list', '--json', 'jobs').length;
    await ann.keyboard.press('Enter');
    await ann.waitForSelector('.card');
    const first = await ann.locator('.card').getAttribute('data-ask');
    // Jobs run side by side: whichever of the two asked first is hers.
    const { value: { items: asks } } = await api(server, 'GET', '/v1/asks');
    const name = asks.find(({ id }) => id === first).job.path.replace('.png', '.json');
    await until('ann holds what waits', async () => {
        const { items } = await ann.evaluate(async () => (await fetch('/v1/asks')).json());
        return items.filter((one) => one.lease !== null).length === Math.min(3, waiting);
    });
    await bob.keyboard.press('Enter');
    await bob.waitForSelector(waiting > 3 ? '.card' : '.center.done');
    check('bob does not get what ann holds', (await bob.locator('.card').count()) === 0 || (await bob.locator('.card').getAttribute('data-ask')) !== first);

    console.log('-- the lease lapses, and bob takes the card');
    await ann.locator('[data-asked]').first().waitFor();
    await until('the field has the focus', async () => (await focus(ann)) === '/supplier_name');
    await ann.keyboard.type('Hardware & Son');
    await ann.waitForSelector('.answer .state >> text=draft kept');
    await ann.route('**/heartbeat', (route) => route.abort('failed')); // ann's network is down for it
    ann.expected.push(/ERR_FAILED/);
    await bob.goto(`${server.url}/#/ask/${first}`);
    await bob.waitForSelector('.card[data-state=open]');
    await ann.keyboard.press('Control+Enter');
    await ann.waitForSelector('.standing');
    equal('ann keeps what she typed beside what stands', await ann.locator('.versions tbody tr').first().locator('th, td').allInnerTexts(), ['Supplier name', '"Hardware & Son"', 'as it was']);
    await is_accessible('two versions', ann);

    console.log('-- bob answers; the answer stands');
    await bob.locator('[data-field="/supplier_name"]').fill('Hardwar and Son');
    await bob.keyboard.press('Control+Enter');
    await bob.waitForSelector('.toast.done');
    await ann.waitForSelector('.standing >> text=That answer stands');
    equal('both versions are shown', await ann.locator('.versions tr.differs').first().locator('td').allInnerTexts(), ['"Hardware & Son"', '"Hardwar and Son"']);
    await shot(ann, 'standing');

    console.log('-- opened again with hers');
    await ann.unroute('**/heartbeat');
    await ann.getByRole('button', { name: 'Open it again with mine' }).click();
    await ann.waitForSelector('.card[data-state=open]');
    equal('her version is in the form', await ann.locator('[data-field="/supplier_name"]').inputValue(), 'Hardware & Son');
    await ann.keyboard.press('Control+Enter');
    await ann.waitForSelector('.toast.done');
    const out = () => JSON.parse(readFileSync(join(folder, 'jobs/out', name), 'utf8')).supplier_name;
    await until('and is delivered', () => {
        try {
            return out() === 'Hardware & Son';
        } catch (error) {
            return false;
        }
    });

    console.log('-- withdrawn under an open card');
    await bob.goto(`${server.url}/#/`);
    await ann.goto(`${server.url}/#/`);
    const { items } = await ann.evaluate(async () => (await fetch('/v1/asks')).json());
    equal('one question is left', items.length, 1);
    await ann.goto(`${server.url}/#/ask/${items[0].id}`);
    await ann.waitForSelector('.card[data-state=open]');
    await ann.locator('[data-field="/supplier_name"]').fill('Ironmongers');
    equal('a command cancels its job', engine('cancel', 'jobs', items[0].job.path).code, 0);
    await ann.waitForSelector('.standing >> text=withdrawn');
    check('the page heard of it by itself, and keeps hers', (await ann.locator('.versions').innerText()).includes('Ironmongers'));
    is_quiet('ann', ann);
    is_quiet('bob', bob);
});
