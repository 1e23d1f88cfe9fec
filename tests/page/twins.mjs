// SPDX-License-Identifier: MIT
// One answer for all that are alike: open ones and those to come, who gave it and when, and
// revoked again; by keys and by mouse.
import { api, check, engine, engine_json, equal, focus, folder, go, is_accessible, is_quiet, person, serve, shot, test, until, write } from './lib.mjs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const order = (name, description) => write(`jobs/${name}.job.json`, JSON.stringify({ items: [{ description }] }));

await test(async () => {
    write('link.yaml', `foundry: v1
name: link
inputs: {match: ["*.job.json"]}
phases:
  - id: link
    uses: link/product
    with:
      items: "\${input.items}"
      choices: [{id: 101, name: Tavern Ham}, {id: 102, name: Yellow Onions}, {id: 103, name: Red Onions}]
  - id: deliver
    uses: file/write
    with: {json: "\${link}"}
    grant: {write: out}
`);
    // One after the other, so that they are asked in that order: jobs of one run go side by side.
    ['a', 'b', 'c', 'd', 'e'].forEach((name) => {
        order(name, name < 'd' ? 'ONIONS YELLOW JBO' : 'HAM');
        equal('the run waits for people', engine('run', 'link.yaml', 'jobs').code, 3);
    });
    const server = await serve('jobs');
    const page = await person(server);
    const linked = (name) => {
        try {
            return JSON.parse(readFileSync(join(folder, `jobs/out/${name}.json`), 'utf8')).inventory_items[0].linked_pantry_item_id;
        } catch (error) {
            return null;
        }
    };
    const open_paths = () => engine_json('ask', 'list', '--json', 'jobs').map((one) => one.path).sort();

    console.log('-- by keys');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.card');
    await until('the list has the focus', async () => (await focus(page))?.startsWith('/link-product'));
    await page.keyboard.press('2');
    await page.keyboard.press('t');
    check('T chooses: for all alike', await page.locator('.twins input').isChecked());
    await is_accessible('an answer for all alike', page);
    await shot(page, 'twins');
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('.toast.done');
    check('it is told how many it settles', (await page.locator('.toast.done').innerText()).includes('and 2 alike'), await page.locator('.toast.done').innerText());
    await until('one answer settles three jobs', () => ['a', 'b', 'c'].every((name) => linked(name) === 102));
    equal('the others still wait', open_paths(), ['d.job.json', 'e.job.json']);

    console.log('-- by mouse, for itself alone');
    await page.waitForFunction(() => document.querySelector('.card h1')?.textContent === 'd.job.json');
    check('it is for itself alone unless one says otherwise', !(await page.locator('.twins input').isChecked()));
    await page.getByRole('option', { name: /Tavern Ham/ }).click();
    await page.getByRole('button', { name: /^Submit/ }).click();
    await until('it is delivered', () => linked('d') === 101);
    equal('its twin still waits', open_paths(), ['e.job.json']);
    await page.waitForFunction(() => document.querySelector('.card h1')?.textContent === 'e.job.json');
    await page.getByRole('option', { name: /Tavern Ham/ }).click();
    await page.getByText('the same answer for all alike').click();
    await page.getByRole('button', { name: /^Submit/ }).click();
    await until('it is delivered', () => linked('e') === 101);

    console.log('-- one that comes later');
    order('later', 'ONIONS YELLOW JBO');
    equal('it is not asked', [engine('run', 'link.yaml', 'jobs').code, linked('later')], [0, 102]);
    const { value: { items: jobs } } = await api(server, 'GET', '/v1/jobs?path=later');
    await go(page, `#/job/${jobs[0].id}`);
    await page.waitForSelector('.timeline li.human');
    const told = await page.locator('.timeline li.human').innerText();
    check('its history says that a rule answered, and whose', /rule/i.test(told) && /by root|by [a-z]+/.test(told), told);
    await shot(page, 'twins-later');

    console.log('-- who, when, how many');
    await go(page, '#/report');
    const row = page.locator('tr', { hasText: 'ONIONS' }).first();
    await row.waitFor();
    const cells = await row.locator('th, td').allInnerTexts();
    check('question, answer, person, time and count are there', /ONIONS/.test(cells[0]) && cells[1] === '102' && /\w+, (now|\d+ s ago)/.test(cells[2]) && cells[3] === '3', cells);
    await is_accessible('standing answers', page);
    await shot(page, 'rules');

    console.log('-- revoked, by keys');
    await row.getByRole('button', { name: /^Revoke/ }).focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press('Enter');
    check('a reason is required', await page.locator('dialog[open]').isVisible());
    await page.keyboard.type('they are red');
    await page.keyboard.press('Enter');
    await page.waitForSelector('tr.asleep >> text=they are red');
    await until('what it settled is asked again', () => JSON.stringify(open_paths()) === JSON.stringify(['b.job.json', 'c.job.json', 'later.job.json']));
    equal('what was answered itself stands', linked('a'), 102);
    order('last', 'ONIONS YELLOW JBO');
    equal('and one to come is asked', engine('run', 'link.yaml', 'jobs').code, 3);
    check('it waits', open_paths().includes('last.job.json'), open_paths());

    console.log('-- revoked, by mouse');
    await page.locator('tr', { hasText: 'HAM' }).getByRole('button', { name: /^Revoke/ }).click();
    await page.locator('dialog[open] input').fill('another ham');
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.waitForSelector('tr.asleep >> text=another ham');
    await is_accessible('revoked answers', page);
    await shot(page, 'revoked');
    is_quiet('twins', page);
    equal('the record is sound', (await server.stop(), engine('verify', 'jobs').code), 0);
});
