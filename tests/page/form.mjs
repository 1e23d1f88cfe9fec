// SPDX-License-Identifier: MIT
// A form of the pipeline's own: one module, drafts and submitting stay the page's; a module that
// does not load makes way for the plain form.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, engine, equal, folder, go, invoice_story, is_accessible, is_quiet, person, serve, shot, test, until, write } from './lib.mjs';

const own = `export default function (element, card) {
    const label = document.createElement('label');
    label.textContent = 'Who sold it, in capitals ';
    const input = document.createElement('input');
    input.type = 'text';
    input.id = 'own';
    input.oninput = () => card.set('/supplier_name', input.value.toUpperCase());
    label.append(input);
    element.append(label);
    const update = () => { element.dataset.now = card.get('/supplier_name'); };
    update();
    return { update, destroy() { document.title = 'destroyed'; } };
}
`;

await test(async () => {
    for (const [name, module] of [['own', own], ['broken', 'export default function (']]) {
        const pipeline = invoice_story({ jobs: name, each: ['job-1.png', 'job-2.png'] });
        const text = readFileSync(join(folder, pipeline), 'utf8');
        write(pipeline, text.replace('schema: invoice.schema.json', `schema: invoice.schema.json\n      form: ${name}.js`));
        write(`${name}.js`, module);
        equal(`${name}: the run waits for a person`, engine('run', pipeline, name).code, 3);
    }
    const server = await serve('own');
    const page = await person(server);
    await go(page, '#/next');
    await page.waitForSelector('#own');
    equal('the module was given the value', await page.locator('.custom').getAttribute('data-now'), 'Hardwar & Son');
    await is_accessible('a form of its own', page);
    await page.locator('#own').fill('Hardware & Son');
    equal('what it sets is told to it', await page.locator('.custom').getAttribute('data-now'), 'HARDWARE & SON');
    await page.waitForSelector('.answer .state >> text=draft kept');
    await shot(page, 'form');
    await page.keyboard.press('Control+Enter');
    const delivered = () => {
        try {
            return JSON.parse(readFileSync(join(folder, 'own/out/job-2.json'), 'utf8')).supplier_name;
        } catch (error) {
            return '';
        }
    };
    await until('it is delivered', () => delivered() === 'HARDWARE & SON');
    is_quiet('a form of its own', page);

    console.log('-- one that does not load');
    const other = await serve('broken');
    const second = await person(other);
    await go(second, '#/next');
    await second.waitForSelector('[data-field="/supplier_name"]');
    check('it is said', (await second.locator('.panel .notice.error').innerText()).includes('does not load'));
    is_quiet('one that does not load', second);
});
