// SPDX-License-Identifier: MIT
// Questions about no document: a list to choose from by keys, numbers that stay numbers, a form
// from a schema for a kind nobody knows, skip, reject.
import { check, engine, engine_json, equal, focus, folder, go, is_accessible, is_quiet, person, serve, shot, test, until, write } from './lib.mjs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const choices = [[101, 'Tavern Ham'], [102, 'Yellow Onions'], [103, 'Russet Potatoes'], [104, 'Red Onions'], [105, 'Olive Oil'], [106, 'Butter'], [107, 'Flour'],
    [108, 'Sugar'], [109, 'Salt'], [110, 'Pearl Onions'], ['9007199254740993', 'Shallots']].map(([id, name]) => `{id: ${id}, name: ${name}}`).join(', ');

await test(async () => {
    write('link.yaml', `foundry: v1
name: link
inputs: {match: ["*.job.json"]}
phases:
  - id: link
    uses: link/product
    with:
      items: "\${input.items}"
      choices: [${choices}]
  - id: deliver
    uses: file/write
    with: {json: "\${link}"}
    grant: {write: out}
`);
    // One after the other, so that they are asked in that order: jobs of one run go side by side.
    for (const [name, item] of [['a', 'ONIONS YELLOW JBO'], ['b', 'SHALLOT 5KG'], ['c', 'UNKNOWN THING']]) {
        write(`jobs/${name}.job.json`, JSON.stringify({ items: [{ description: 'TAVERN HAM WH', linked_pantry_item_id: 101 }, { description: item }] }));
        equal('the run waits for people', engine('run', 'link.yaml', 'jobs').code, 3);
    }
    const server = await serve('jobs');
    const page = await person(server, { expected: [/status of 422/] });

    console.log('-- by keys');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.card');
    await until('the list has the focus', async () => (await focus(page))?.startsWith('/link-product'));
    check('what is asked stands at left', (await page.locator('.text-source').innerText()).includes('ONIONS YELLOW JBO'));
    await is_accessible('a choice', page);
    await shot(page, 'choice');
    await page.keyboard.press('Control+Enter');
    equal('without an answer it is not sent', await page.locator('.card').getAttribute('data-state'), 'open');
    await page.keyboard.press('2');
    equal('a digit chooses', await page.locator('[role=option][aria-selected=true] .label').innerText(), 'Yellow Onions');
    await page.keyboard.press('Enter');
    const linked = (name) => {
        try {
            return readFileSync(join(folder, `jobs/out/${name}.json`), 'utf8');
        } catch (error) {
            return '';
        }
    };
    await until('the job goes on by itself', () => linked('a') !== '');
    equal('with a number', JSON.parse(linked('a')).inventory_items[1].linked_pantry_item_id, 102);

    console.log('-- by search');
    await page.waitForFunction(() => document.querySelector('.card h1')?.textContent === 'b.job.json');
    await page.locator('.choice .search').fill('shal');
    equal('one is left', await page.locator('[role=option]').count(), 1);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+Enter');
    await until('it is delivered', () => linked('b') !== '');
    check('a number beyond 2^53 keeps its digits', linked('b').includes('9007199254740993'), linked('b'));

    console.log('-- skip, and reject');
    await page.waitForFunction(() => document.querySelector('.card h1')?.textContent === 'c.job.json');
    await until('the list has the focus', async () => (await focus(page))?.startsWith('/link-product'));
    await page.keyboard.press('s');
    await is_accessible('the ways to skip', page);
    await page.keyboard.press('2');
    await page.waitForSelector('.center.done');
    const { items: [asleep] } = await page.evaluate(async () => (await fetch('/v1/asks')).json());
    check('it sleeps for an hour', Math.abs(Date.parse(asleep.snoozed_until) - Date.now() - 3600e3) < 120e3, asleep.snoozed_until);
    await page.evaluate((id) => { location.hash = `#/ask/${id}`; }, asleep.id);
    await page.waitForSelector('.card[data-state=open]');
    await until('the list has the focus again', async () => (await focus(page))?.startsWith('/link-product'));
    await page.keyboard.press('r');
    await page.keyboard.type('nobody sells this');
    await page.keyboard.press('Enter');
    await until('the job has failed as rejected', () => engine_json('status', '--json', 'jobs')[0].pipelines[0].failed === 1);
    is_quiet('choices', page);

    console.log('-- a kind that the page has never heard of: a form from its schema, by keys');
    const tower = {
        type: 'object', required: ['fault', 'depth_mm', 'urgent'], additionalProperties: false,
        properties: {
            fault: { enum: ['crack', 'rust', 'nothing'] },
            depth_mm: { type: 'number', minimum: 0, title: 'Depth in mm' },
            urgent: { type: 'boolean' },
            remark: { type: 'string' },
            parts: { type: 'array', items: { type: 'object', required: ['name', 'count'], properties: { name: { type: 'string' }, count: { type: 'integer' } } } },
        },
    };
    write('inquiry.yaml', `foundry: v1
name: inquiry
inputs: {match: ["tower.job.json"]}
phases:
  - id: inspect
    uses: inquiry/ask
    with:
      kind: TOWER_INSPECTION
      question: What is wrong with this tower?
      context: {tower: "\${input.tower}"}
      schema: '${JSON.stringify(tower)}'
  - id: deliver
    uses: file/write
    with: {json: "\${inspect}"}
    grant: {write: out}
`);
    write('jobs/tower.job.json', '{"tower":"T-117"}');
    await go(page, '#/next');
    await page.waitForSelector('.center.done');
    equal('it runs beside the server', engine('run', 'inquiry.yaml', 'jobs').code, 3);
    await page.waitForSelector('.card');
    const asked = () => page.locator('[data-asked]').evaluateAll((list) => list.map((one) => one.dataset.field));
    equal('it came by itself, with a place a property', await asked(), ['fault', 'depth_mm', 'urgent', 'remark'].map((name) => `/matter/${name}`));
    await until('the first place has the focus', async () => (await focus(page)) === '/matter/fault');
    check('its question is the form\'s heading', (await page.locator('.fields legend').first().innerText()) === 'What is wrong with this tower?');
    check('and its context is at left', (await page.locator('.text-source').innerText()).includes('T-117'));
    await page.keyboard.press('2');
    await page.keyboard.press('Tab');
    await page.keyboard.type('1e');
    await page.keyboard.press('Tab');
    await page.keyboard.press('y');
    await page.keyboard.press('Tab');
    await page.keyboard.type('At the third joint');
    await page.waitForSelector('.answer .state >> text=draft kept');
    await page.reload();
    await page.waitForSelector('.card[data-state=open]');
    const typed = () => page.locator('.fields').evaluate((form) => [form.querySelector('[aria-selected=true] .label')?.textContent, ...['depth_mm', 'urgent', 'remark'].map((name) => form.querySelector(`[data-field="/matter/${name}"]`).value)]);
    equal('what need not be told says so', await page.locator('.optional').evaluateAll((list) => list.map((one) => one.closest('label').htmlFor)), ['f_47matter_47remark']);
    equal('the draft is there after a reload, half a number, too', await typed(), ['rust', '1e', 'yes', 'At the third joint']);
    await until('the first place has the focus', async () => (await focus(page)) === '/matter/fault');
    await page.keyboard.press('Tab');
    await page.keyboard.type('-4.50');
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('.field.wrong [role=alert]');
    equal('what the schema refuses is told at its place', await page.locator('.field.wrong [data-field]').getAttribute('data-field'), '/matter/depth_mm');
    await until('which has the focus', async () => (await focus(page)) === '/matter/depth_mm');
    await page.keyboard.type('4.50');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await until('behind the last place is the way to a row', () => page.evaluate(() => document.activeElement.dataset.add === '/matter/parts'));
    await page.keyboard.press('Enter');
    await until('the new row has the focus', async () => (await focus(page)) === '/matter/parts/0/name');
    await page.keyboard.type('Bolt M16');
    await page.keyboard.press('Tab');
    await page.keyboard.type('2');
    await is_accessible('a form from a schema', page);
    await shot(page, 'schema-form');
    await page.keyboard.press('Control+Enter');
    await until('it is delivered', () => linked('tower') !== '');
    equal('as it was typed', JSON.parse(linked('tower')).answer, { depth_mm: 4.5, fault: 'rust', parts: [{ name: 'Bolt M16', count: 2 }], remark: 'At the third joint', urgent: true });
    check('the number keeps its text', linked('tower').includes('4.50'), linked('tower'));
    is_quiet('a form from a schema', page);
});
