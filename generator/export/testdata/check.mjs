// Checks exports with the parsers of others: the AsyncAPI document, the JSON
// Schema with its vectors, the CDDL. It reads one JSON object from standard
// input and writes what is wrong to standard output, a line each.
//
//   NODE_PATH=…/node_modules node check.mjs < input.json
//
// NODE_PATH works for require only, so that is what finds the packages.
import {createRequire} from 'node:module'
import {readFileSync} from 'node:fs'
import {pathToFileURL} from 'node:url'

const require = createRequire(import.meta.url)
const input = JSON.parse(readFileSync(0, 'utf8'))
if (input.probe) {
  for (const name of input.probe) {
    try { require.resolve(name) } catch (e) { if (e.code === 'MODULE_NOT_FOUND') console.log(name) }
  }
  process.exit(0)
}

const {Parser} = require('@asyncapi/parser')
const {document, diagnostics} = await new Parser().parse(input.asyncapi)
if (!document) console.log('asyncapi: no document')
for (const d of diagnostics) {
  // 0 and 1 are errors and warnings; what is below is advice, such as a newer version of AsyncAPI.
  if (d.severity <= 1) console.log(`asyncapi: ${d.code}: ${d.message} at ${d.path.join('/')}`)
}

const Ajv = require('ajv/dist/2020').default
const ajv = new Ajv({strict: true, strictTuples: false})
require('ajv-formats').default(ajv)
ajv.addVocabulary(['x-secret', 'x-retry'])
const schema = JSON.parse(input.jsonschema)
ajv.addSchema(schema)
for (const name of Object.keys(schema.$defs)) {
  try { ajv.compile({$ref: `${schema.$id}#/$defs/${name}`}) } catch (e) { console.log(`jsonschema: ${name}: ${e.message}`) }
}
for (const {name, json, ok} of input.vectors) {
  const got = ajv.validate({$ref: `${schema.$id}#/$defs/${name}`}, JSON.parse(json))
  if (got !== ok) console.log(`jsonschema: ${name} takes ${json}: ${got}, want ${ok}: ${ajv.errorsText()}`)
}

const {parse} = await import(pathToFileURL(require.resolve('cddl')))
try {
  const names = parse(input.cddlFile).map(rule => rule.Name)
  for (const name of input.rules) if (!names.includes(name)) console.log(`cddl: no rule ${name}`)
} catch (e) {
  console.log(`cddl: ${e.message}`)
}
