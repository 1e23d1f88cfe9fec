// SPDX-License-Identifier: MIT
// The description of the API against a validator that others use, and one that must be refused.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.env.PAGE_MODULES, 'package.json'));
const { Validator } = await import(pathToFileURL(require.resolve('@seriousme/openapi-schema-validator')));
const text = readFileSync(join(process.env.FOUNDRY_SOURCE_ROOT, 'engine/serve/openapi.json'), 'utf8');

let passed = 0, failed = 0;
function holds(what, is, why) {
    if (is) {
        passed++;
    } else {
        failed++;
        console.error(`${what}: ${why}`);
    }
}

const whole = new Validator();
const good = await whole.validate(JSON.parse(text));
holds('engine/serve/openapi.json', good.valid, JSON.stringify(good.errors));
holds('its version', whole.version === '3.1', whole.version);

const broken = JSON.parse(text);
delete broken.info;
broken.paths['/v1/jobs'].get.responses = 'none';
const bad = await new Validator().validate(broken);
holds('a description without `info`, with responses that are none', !bad.valid, 'was taken');

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
