// SPDX-License-Identifier: MIT
// The invoice story by keyboard alone: two marked fields, a refusal, the right sum, done.
import { api, check, engine, engine_json, equal, focus, folder, go, invoice_story, is_accessible, is_quiet, person, picture, serve, shot, test, until } from './lib.mjs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

await test(async () => {
    const pipeline = invoice_story();
    equal('the run waits for a person', engine('run', pipeline, 'jobs').code, 3);
    const server = await serve('jobs');
    const page = await person(server, { expected: [/status of 422/] }); // the refusal, as the browser tells it

    console.log('-- queue');
    await page.waitForSelector('.list tbody tr');
    equal('one question waits', await page.locator('.list tbody tr').count(), 1);
    equal('it is job 2', await page.locator('.list tbody th').innerText(), 'job-2.png');
    await is_accessible('the queue', page);
    await shot(page, 'queue');

    console.log('-- card');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.card');
    await until('the first doubtful field has the focus', async () => (await focus(page)) === '/supplier_name');
    check('the address names the card, so that a reload finds it', /#\/ask\/[0-9a-f]{8}-[0-9]+$/.test(page.url()), page.url());
    const answer_of = new URL(page.url()).hash;
    const marked = await page.locator('[data-asked]').evaluateAll((list) => list.map((one) => [one.dataset.field, one.value]));
    equal('exactly two fields are marked', marked, [['/supplier_name', 'Hardwar & Son'], ['/line_items/0/quantity', '1.0']]);
    equal('one with 82 %', await page.locator('.field.asked .sure').innerText(), '82 %');
    equal('one with 75 %', await page.locator('td.asked .mark').innerText(), '75 %');
    equal('what is asked is said on top', await page.locator('.why-asked .summary').innerText(), '2 places need your look: Supplier name, Line items 1 › Quantity');
    equal('and why at its place, with who asked', await page.locator('.field.asked .reasons li span').allInnerTexts(), ['read with 82 % confidence, asked below 95 %', 'detect/low-confidence']);
    await page.waitForFunction(() => document.querySelector('.picture.there')?.complete);
    check('the image is shown at left', await page.locator('.picture').evaluate((image) => image.naturalWidth === 420 && image.getBoundingClientRect().right < innerWidth * 0.65));
    equal('sure fields are folded to a line', await page.locator('[data-quiet]').evaluateAll((list) => list.map((one) => one.dataset.quiet)), ['/invoice_date', '/invoice_number']);
    await is_accessible('the card', page);
    await shot(page, 'card');

    console.log('-- typed');
    await page.keyboard.type('Hardware & Son');
    await page.keyboard.press('Enter');
    await until('Enter on a place goes to the next', async () => (await focus(page)) === '/line_items/0/quantity');
    await page.keyboard.press('Shift+Tab');
    await until('Shift and Tab go back', async () => (await focus(page)) === '/supplier_name');
    await page.keyboard.press('Tab');
    await until('Tab goes to the next doubtful field', async () => (await focus(page)) === '/line_items/0/quantity');
    await page.keyboard.type('s');
    equal('a letter typed is no key', await page.locator('dialog').count(), 0);
    await page.keyboard.press('Backspace');
    await page.keyboard.type('1e');
    await page.keyboard.press('Control+Enter');
    check('half a number is not sent', await page.locator('.trouble').first().innerText().then((text) => text.includes('This is no number')));
    await page.keyboard.press('Control+A');
    await page.keyboard.type('10');
    await page.waitForSelector('.trouble.live');
    equal('the sum is looked at while it is typed', await page.locator('.trouble.live').allInnerTexts(), ['quantity * unit_price = 150.00, total_cost = 15.00']);
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('tr.wrong');
    const told = await page.locator('.trouble[role=alert]').allInnerTexts();
    check('the engine refuses with its numbers', told.some((text) => text.includes('quantity * unit_price = 150.00, total_cost = 15.00')), told);
    await until('the focus goes to what the rule names', async () => (await focus(page)) === '/line_items/0/total_cost');
    await is_accessible('the refused card', page);
    await shot(page, 'refused');
    await page.keyboard.type('150.00');
    await until('the rule is content while it is typed', async () => (await page.locator('.trouble').count()) === 0);
    await page.keyboard.press('Escape');
    await until('Escape leaves the field for the card', async () => (await focus(page)) === 'panel');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.center.done');
    await page.waitForSelector('.toast.done');
    equal('Enter on the card sends it', await page.locator('.toast.done span').innerText(), 'job-2.png corrected');

    const seconds = (await page.evaluate(async () => (await fetch('/v1/stats')).json())).reviewed.seconds_median;
    const median = seconds < 10 && seconds !== Math.round(seconds) ? `${seconds.toFixed(1)} s` : seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
    const told_count = await until('the bar tells how many', async () => /^1 of 1 · (.*)$/.exec((await page.locator('.progress').innerText()).trim()));
    equal('and the median time', told_count[1], median);
    equal('as a bar', await page.locator('.progress progress').evaluate((bar) => [bar.value, bar.max]), [1, 1]);
    check('and where the queue ends', (await page.locator('.center.done').innerText()).includes(`1 answered in this sitting, ${median} each (median).`), await page.locator('.center.done').innerText());
    await is_accessible('the empty queue', page);
    await shot(page, 'done');

    console.log('-- what came of it');
    await until('all four are completed', () => engine_json('status', '--json', 'jobs')[0].pipelines[0].completed === 4);
    const [job] = engine_json('show', '--json', 'jobs', 'job-2.png');
    equal('extract ran once', job.history.filter((one) => one.phase === 'extract' && one.kind === 'output').length, 1);
    equal('finish ran once', job.history.filter((one) => one.phase === 'finish' && one.kind === 'output').length, 1);
    const out = readFileSync(join(folder, 'jobs/out/job-2.json'), 'utf8');
    check('150.00 keeps its text, and so does what nobody touched', out.includes('150.00') && out.includes('"unit_price":15.0') || out.includes('"unit_price": 15.0'), out);
    const { supplier_name, line_items } = JSON.parse(out);
    equal('the corrected output is delivered', [supplier_name, line_items[0].quantity, line_items.length], ['Hardware & Son', 10, 2]);

    console.log('-- the job\'s page');
    await page.evaluate((id) => { location.hash = `#/job/${id}`; }, job.id ?? (await page.evaluate(async () => (await fetch('/v1/jobs?path=job-2.png')).json())).items[0].id);
    await page.waitForSelector('.timeline li.human');
    const { timeline } = await page.evaluate(async () => (await fetch(`/v1/jobs/${location.hash.split('/').pop()}`)).json());
    const events = await page.locator('.timeline > li').evaluateAll((list) => list.map((one) => ({
        what: one.querySelector('.what').textContent.replace(/\s+/g, ' ').trim(), at: one.querySelector('time').dateTime, text: one.innerText, sha: one.querySelector('code')?.title ?? null,
        diff: [...one.querySelectorAll('.diff tr')].map((row) => [...row.cells].map((cell) => cell.textContent)) })));
    equal('each event is there, with its time', events.map((one) => one.at), timeline.map((one) => one.at));
    const of = (what) => events.filter((one) => one.what.startsWith(what));
    const [read] = of('extract done'), [answered] = of('review answered'), [made] = of('review done'), [written] = of('finish done');
    check('what ran, by which plugin, how long', /playback\/play 1\.0\.0 · [a-z]+ · [0-9.]+ (ms|s|min)/.test(read.text) && /file\/write/.test(written.text), [read.text, written.text]);
    check('of which bytes', [read, written].every((one) => /^[0-9a-f]{64}$/.test(one.sha)) && read.sha !== written.sha, [read.sha, written.sha]);
    check('who answered, from where', /by \w+ · from 127\.0\.0\.1 · corrected/.test(answered.text), answered.text);
    equal('what it made of its input: from and to', made.diff.sort(), [['/line_items/0/quantity', '1.0', '10'], ['/line_items/0/total_cost', '15.0', '150.00'], ['/supplier_name', 'Hardwar & Son', 'Hardware & Son']]);
    await is_accessible('the job\'s page', page);
    await shot(page, 'job-answered');

    console.log('-- report');
    await page.keyboard.press('Tab');
    await page.evaluate(() => { location.hash = '#/report'; });

    await page.waitForSelector('.figures');
    const figures = await page.locator('.figures > div').evaluateAll((list) => Object.fromEntries(list.map((one) => [one.querySelector('dt').textContent, one.querySelector('dd').textContent])));
    check('3 auto-accepted', figures['auto-accepted']?.startsWith('3'), figures);
    check('1 corrected', figures.corrected?.startsWith('1'), figures);
    equal('fields changed 3 of 11', figures['fields changed'], '3of 11');
    const detectors = await page.locator('.report section', { has: page.getByRole('heading', { name: 'Detectors' }) }).locator('tbody tr').evaluateAll((list) => list.map((row) => [...row.cells].slice(0, 3).map((cell) => cell.textContent)));
    equal('hits by detector', detectors[0], ['detect/low-confidence', '2', '2']);
    equal('a plot without a figure says so', await page.locator('.plot figcaption', { hasText: 'no figure yet' }).locator('strong').allInnerTexts(), ['Wrong where nobody was asked']);
    const { days } = (await api(server, 'GET', '/v1/stats')).value;
    equal('the seconds of a day are those of the engine, to a tenth',
        await page.locator('table', { has: page.locator('caption', { hasText: 'Seconds of people a day' }) }).locator('td').allTextContents(), days.map((day) => `${Number(day.seconds.toFixed(1))} s`));
    await is_accessible('the report', page);
    await shot(page, 'report');
    await picture(page, 'report');

    console.log('-- a question that comes while nothing waits');
    await go(page, '#/next');
    await page.waitForSelector('.center.done');
    let let_go, asked;
    const looked = new Promise((done) => { asked = done; }), may_go = new Promise((done) => { let_go = done; });
    await page.route('**/v1/asks/next', async (route) => {
        asked();
        await may_go;
        await route.continue();
    });
    const answered_ask = answer_of.split('/').pop();
    equal('the answered card is opened again', (await api(server, 'POST', `/v1/asks/${answered_ask}/reopen`, { reason: 'looked at once more' })).status, 200);
    await looked;
    equal('what is on the screen stays while it is looked', await page.locator('main h1').allInnerTexts(), ['All done']);
    await is_accessible('the empty queue, while it is looked', page);
    let_go();
    await page.waitForSelector(`.card[data-ask="${answered_ask}"][data-state=open]`);
    await page.unroute('**/v1/asks/next');
    is_quiet('the whole story', page);
    equal('the record is sound', (await server.stop(), engine('verify', 'jobs').code), 0);
});
