// SPDX-License-Identifier: MIT
// Who is at which card, while it happens: by name, when somebody takes one, types in it, leaves it,
// or goes away without a word; and two people with a name each never get one card.
import { api, check, engine, equal, folder, go, invoice_story, is_accessible, is_quiet, person, serve, shot, test, until, write } from './lib.mjs';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const tokens = { ann: 'a1'.repeat(32), bob: 'b2'.repeat(32) };

await test(async () => {
    const pipeline = invoice_story({ each: ['job-1.png', 'job-2.png', 'job-3.png', 'job-4.png', 'job-5.png'] });
    const path = join(folder, pipeline);
    write(pipeline, readFileSync(path, 'utf8').replace('schema: invoice.schema.json', 'schema: invoice.schema.json\n      lease: 60s'));
    equal('the run waits for answers', engine('run', pipeline, 'jobs').code, 3);
    const token_file = write('tokens', Object.entries(tokens).map((pair) => `${pair.join(' ')}\n`).join(''));
    chmodSync(token_file, 0o600);
    const server = { ...(await serve('jobs', { token_file })), token: tokens.bob };
    const as = (name) => ({ ...server, login: `${server.url}/login?token=${tokens[name]}` });
    const { value: { items } } = await api(server, 'GET', '/v1/asks');
    const [ask] = items;

    console.log('-- as it is heard');
    const bob = await person(as('bob'));
    // What the stream says, in the words of the API; each connection gets all of it.
    let said = 'retry: 100\n: hello\n\n';
    await bob.route('**/v1/events', (route) => route.fulfill({ status: 200, contentType: 'text/event-stream', body: said }));
    const say = (name, data) => {
        said = `retry: 100\nevent: ${name}\ndata: ${JSON.stringify({ ask: ask.id, job: ask.job.id, ...data })}\n\n`;
    };
    await bob.reload();
    await bob.waitForSelector('.list tbody tr');
    const at_work = () => bob.locator('.list tbody tr', { hasText: ask.job.path }).locator('td').last().innerText();
    equal('nobody is at work', await at_work(), '');
    const in_a_minute = () => new Date(Date.now() + 60000).toISOString();
    say('ask.claimed', { by: 'ann', until: in_a_minute() });
    await until('it is said who took the card', async () => (await at_work()) === 'ann');
    say('ask.drafted', { by: 'ann', until: in_a_minute() });
    await until('and that she writes', async () => (await at_work()) === 'ann, writing');
    await is_accessible('a queue with people at work', bob);
    await shot(bob, 'presence');
    await go(bob, `#/job/${ask.job.id}`);
    await bob.waitForSelector('.notice.wait >> text=being answered by ann');
    await go(bob, '#/');
    await bob.waitForSelector('.list tbody tr');
    say('ask.released', { by: 'ann', until: null });
    await until('and that she left it', async () => (await at_work()) === '');
    say('ask.claimed', { by: 'bob', until: in_a_minute() });
    await until('one\'s own cards are "you"', async () => (await at_work()) === 'you');
    say('ask.claimed', { by: 'ann', until: new Date(Date.now() + 700).toISOString() });
    await until('somebody takes it', async () => (await at_work()) === 'ann');
    said = ': nothing\n\n';
    await until('who goes away without a word is gone with the lease', async () => (await at_work()) === '');
    await bob.unroute('**/v1/events');

    console.log('-- two people');
    const ann = await person(as('ann'));
    await bob.reload();
    await bob.waitForSelector('.list tbody tr');
    await go(ann, `#/ask/${ask.id}`);
    await ann.waitForSelector('.card[data-state=open]');
    await until('bob sees ann at it', async () => (await at_work()) === 'ann');
    await ann.locator('[data-field="/supplier_name"]').fill('Hardware & So');
    await until('and that she writes', async () => (await at_work()) === 'ann, writing');
    await ann.locator('[data-field="/supplier_name"]').fill('Hardwar & Son');
    await ann.waitForSelector('.answer .state >> text=draft kept');
    await go(bob, '#/next');
    await bob.waitForSelector('.card[data-state=open], .center.done');
    check('bob does not get ann\'s card', (await bob.locator('.card').count()) === 0 || (await bob.locator('.card').getAttribute('data-ask')) !== ask.id);
    bob.expected.push(/status of 409/);
    await go(bob, `#/ask/${ask.id}`);
    await bob.waitForSelector('.standing >> text=ann holds it');
    await is_accessible('a card that another one holds', bob);
    await shot(bob, 'held');
    await go(ann, '#/');
    await ann.waitForSelector('.list tbody tr');
    await until('the engine has it back', async () => (await api(server, 'GET', `/v1/asks/${ask.id}`)).value.lease === null);
    await bob.getByRole('button', { name: 'Try again' }).click();
    await bob.waitForSelector('.card[data-state=open]');
    equal('now it is bob\'s', (await api(server, 'GET', `/v1/asks/${ask.id}`)).value.lease.by, 'bob');
    is_quiet('ann', ann);
    is_quiet('bob', bob);
});
