// SPDX-License-Identifier: MIT
// Questions about no document: a list to choose from by keys, numbers that stay numbers, a form
// from a schema for a kind nobody knows, skip, reject.
import { check, engine, engine_json, equal, focus, folder, is_accessible, is_quiet, person, serve, shot, test, until, write } from './lib.mjs';
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
    const page = await person(server);

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
});
