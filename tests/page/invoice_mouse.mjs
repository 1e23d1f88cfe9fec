// SPDX-License-Identifier: MIT
// The invoice story by mouse: marks follow the threshold, rows come and go, an override with its
// reason, an answer taken back, an export.
import { check, engine, engine_json, equal, focus, folder, go, invoice_story, is_accessible, is_quiet, person, serve, shot, test, until } from './lib.mjs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

await test(async () => {
    equal('the run waits for a person', engine('run', invoice_story({ threshold: 0.8 }), 'jobs').code, 3);
    const server = await serve('jobs');
    const page = await person(server, { expected: [/status of 422/] });
    await page.getByRole('link', { name: /Review/ }).click();
    await page.waitForSelector('.card');
    equal('at 0.80 the quantity alone is marked', await page.locator('[data-asked]').evaluateAll((list) => list.map((one) => one.dataset.field)), ['/line_items/0/quantity']);
    await page.waitForSelector('.picture.there');

    console.log('-- fields and rows');
    await page.locator('[data-quiet="/supplier_name"]').click();
    await until('a sure field opens at a click', async () => (await focus(page)) === '/supplier_name');
    await page.locator('[data-field="/supplier_name"]').fill('Hardware & Son');
    await page.getByRole('button', { name: 'back to what the model read' }).click();
    equal('and goes back to what the model read', await page.locator('[data-quiet="/supplier_name"] .value, [data-field="/supplier_name"]').evaluate((one) => one.value ?? one.textContent), 'Hardwar & Son');
    await page.getByRole('button', { name: 'Add a row' }).click();
    await until('the new row has the focus', async () => (await focus(page)) === '/line_items/2/item_description');
    await page.keyboard.type('Screws');
    await page.locator('[data-field="/line_items/2/quantity"]').fill('2');
    await page.locator('[data-field="/line_items/2/unit_price"]').fill('1.10');
    await page.locator('[data-field="/line_items/2/total_cost"]').fill('2.2');
    await page.getByRole('button', { name: 'Add a row' }).click();
    await page.getByRole('button', { name: 'Remove row 4' }).click();
    equal('an added row is gone when it is removed', await page.locator('tr[data-row-of]').count(), 3);
    await page.getByRole('button', { name: 'Remove row 2' }).click();
    equal('one of the model is struck out', await page.locator('tr.removed').count(), 1);
    await page.getByRole('button', { name: 'Put row 2 back' }).click();
    equal('and can come back', await page.locator('tr.removed').count(), 0);

    console.log('-- an override');
    await page.locator('[data-field="/line_items/0/quantity"]').fill('10');
    await page.getByRole('button', { name: /^Submit/ }).click();
    await page.waitForSelector('tr.wrong');
    await page.getByRole('button', { name: /override/ }).click();
    await page.locator('[data-override]').fill('the supplier rounds');
    await is_accessible('a card with an override', page);
    await shot(page, 'override');
    await page.getByRole('button', { name: /^Submit/ }).click();
    await page.waitForSelector('.toast.done');
    await until('the job is completed', () => engine_json('status', '--json', 'jobs')[0].pipelines[0].completed === 4);
    const out = () => JSON.parse(readFileSync(join(folder, 'jobs/out/job-2.json'), 'utf8'));
    equal('what was typed is delivered', [out().line_items[0].quantity, out().line_items.length], [10, 3]);
    check('number text survives', readFileSync(join(folder, 'jobs/out/job-2.json'), 'utf8').includes('1.10'));
    check('the reason is in the record', engine('export', 'jobs', '--format', 'foundry', '-o', '-').out.includes('the supplier rounds'));

    console.log('-- taken back');
    await page.getByRole('button', { name: /^Undo/ }).click();
    await page.waitForSelector('.card[data-state=open]');
    equal('the card is back with what was typed', await page.locator('[data-field="/line_items/0/quantity"]').inputValue(), '10');
    await page.locator('[data-field="/line_items/0/quantity"]').fill('1.0');
    await page.getByRole('button', { name: 'Remove row 3' }).click();
    await page.locator('.answer .primary').click();
    await page.waitForSelector('.center.done');
    await until('the second answer is delivered', () => out().line_items.length === 2);
    equal('the quantity is the model\'s again', out().line_items[0].quantity, 1);
    const made = await page.evaluate(async () => {
        const { items } = await (await fetch('/v1/jobs?path=job-2.png')).json();
        const { timeline } = await (await fetch(`/v1/jobs/${items[0].id}`)).json();
        return timeline.filter((one) => one.kind === 'output' && one.phase === 'review').map((one) => one.changes.length);
    });
    equal('its history tells what each answer made of the model\'s output, not of the answer that was taken back', [made.length, made[0] > 0, made[1]], [2, true, 0]);

    console.log('-- export');
    await page.getByRole('link', { name: 'Export' }).first().click();
    await page.waitForSelector('.making');
    await page.locator('select[name=format]').selectOption('foundry');
    await page.getByRole('button', { name: 'Export' }).click();
    await page.waitForSelector('.export table tbody tr');
    await is_accessible('the exports', page);
    await shot(page, 'export');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).first().click()]);
    const lines = readFileSync(await download.path(), 'utf8').trim().split('\n');
    check('the file is the record, a line an answer', lines.every((line) => JSON.parse(line).provenance.path === 'job-2.png'), lines);
    await go(page, '#/jobs');
    await page.waitForSelector('.jobs tbody tr');
    is_quiet('by mouse', page);
});
