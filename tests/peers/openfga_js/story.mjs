// The story of tests/peers/test_openfga_js.py, told by OpenFGA's own SDK: prints one JSON document of what it saw.
import { OpenFgaClient, CredentialsMethod, ConsistencyPreference } from "@openfga/sdk";
import { readFileSync } from "node:fs";

const [apiUrl, token] = process.argv.slice(2);
const model = JSON.parse(readFileSync(0, "utf-8"));
const credentials = { method: CredentialsMethod.ApiToken, config: { token } };
const anonymous = new OpenFgaClient({ apiUrl, credentials });
const seen = {};

const { id: storeId } = await anonymous.createStore({ name: "shop" });
const first = new OpenFgaClient({ apiUrl, storeId, credentials });
const { authorization_model_id: authorizationModelId } = await first.writeAuthorizationModel(model);
const fga = new OpenFgaClient({ apiUrl, storeId, authorizationModelId, credentials });

await fga.write({
  writes: [
    { user: "user:ann", relation: "member", object: "group:sales" },
    { user: "group:sales#member", relation: "viewer", object: "folder:2025" },
    { user: "folder:2025", relation: "parent", object: "doc:q3" },
    { user: "user:bob", relation: "member", object: "group:sales", condition: { name: "cheap", context: { price: 5 } } },
  ],
});
const check = async (user, relation, object, options) => (await fga.check({ user, relation, object }, options)).allowed;
seen.checks = [
  await check("user:ann", "viewer", "doc:q3", { consistency: ConsistencyPreference.HigherConsistency }),
  await check("user:bob", "viewer", "doc:q3"),
  await check("user:zoe", "viewer", "doc:q3"),
];
const { result } = await fga.batchCheck({
  checks: [
    { user: "user:ann", relation: "viewer", object: "doc:q3", correlationId: "a" },
    { user: "user:zoe", relation: "viewer", object: "doc:q3", correlationId: "b" },
  ],
});
seen.batch = Object.fromEntries(result.map((each) => [each.correlationId, each.allowed]));
seen.objects = (await fga.listObjects({ user: "user:ann", relation: "viewer", type: "doc" })).objects;
seen.streamed = [];
for await (const each of fga.streamedListObjects({ user: "user:ann", relation: "viewer", type: "doc" })) {
  seen.streamed.push(each.object);
}
seen.users = (
  await fga.listUsers({ object: { type: "doc", id: "q3" }, relation: "viewer", user_filters: [{ type: "user" }] })
).users.map((each) => each.object.id);
seen.expanded = (await fga.expand({ relation: "viewer", object: "doc:q3" })).tree.root.name;
seen.read = (await fga.read({ object: "doc:q3" })).tuples.map((each) => each.key.user);
await fga.write({ deletes: [{ user: "user:ann", relation: "member", object: "group:sales" }] });
seen.changes = (await fga.readChanges({ type: "group" })).changes.map((each) => `${each.operation} ${each.tuple_key.user}`);
seen.model = (await fga.readLatestAuthorizationModel()).authorization_model.id === authorizationModelId;
try {
  await fga.write({ writes: [{ user: "user:ann", relation: "nope", object: "doc:q3" }] });
} catch (error) {
  seen.refused = [error.statusCode, error.apiErrorCode];
}
await fga.deleteStore();
seen.stores = (await anonymous.listStores()).stores.map((each) => each.name);
console.log(JSON.stringify(seen));
