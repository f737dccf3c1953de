// Checks an OpenAPI document by the schema that the OpenAPI Initiative gives out, and that what it refers to is there.
//   node validate.mjs DOCUMENT
import { Validator } from "@seriousme/openapi-schema-validator";

const validator = new Validator();
const result = await validator.validate(process.argv[2]);
if (!result.valid) {
	console.error(JSON.stringify(result.errors, null, 2));
	process.exit(1);
}
validator.resolveRefs(); // throws at a $ref that leads nowhere
console.log(`valid OpenAPI ${validator.version}`);
