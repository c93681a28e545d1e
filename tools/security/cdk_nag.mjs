// cdk-nag's packs over plain CloudFormation templates. Prints one JSON object a line: {kind, rule, at, says}, where kind is
// "passed", "found" or "unread" (a rule that could not read the resource).
//
//   node cdk_nag.mjs TEMPLATE.json ...
import { dirname, join } from 'node:path';
import { App, Aspects, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';

const say = (kind) => (data) =>
  console.log(JSON.stringify({
    kind,
    rule: data.findingId ? `${data.ruleId}/${data.findingId}` : data.ruleId,
    at: data.resource.node.id,
    says: data.errorMessage ?? data.ruleInfo,
  }));
const pass = () => {};
const logger = {
  onCompliance: say('passed'),
  onNonCompliance: say('found'),
  onError: say('unread'),
  onNotApplicable: pass,
  onSuppressed: pass,
  onSuppressedError: pass,
};

for (const templateFile of process.argv.slice(2)) {
  const app = new App({ analyticsReporting: false, outdir: join(dirname(templateFile), 'cdk.out') });
  const stack = new Stack(app, 'Stack', { env: { account: '123456789012', region: 'us-east-1' } });
  new CfnInclude(stack, 'Template', { templateFile });
  for (const Pack of [HIPAASecurityChecks, NIST80053R5Checks, AwsSolutionsChecks]) {
    Aspects.of(app).add(new Pack({ reports: false, additionalLoggers: [logger] }));
  }
  app.synth();
}
