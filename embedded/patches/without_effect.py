"""Resource types of the template that are taken without effect: one table, apart, so that it loads no emulator."""

WITHOUT_EFFECT = {
    "AWS::EC2::FlowLog": "there is no traffic between the emulated network's interfaces to log",
    "AWS::EC2::SecurityGroupEgress": "processes share the loopback interface; rules inside a security group are kept",
    "AWS::EC2::SecurityGroupIngress": "processes share the loopback interface; rules inside a security group are kept",
    "AWS::IAM::ServiceLinkedRole": "the account's role for Spot; nothing here assumes it",
    "AWS::Logs::QueryDefinition": "questions saved for the console's Logs Insights",
    "AWS::WAFv2::WebACLAssociation": "the API is reached on loopback only",
}
"""Type -> why it does nothing here. What is not here and not known to ministack fails the stack."""
