package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) testbed() *cobra.Command {
	o := app.TestbedOptions{}
	group := group("testbed", "A public test bed for trust anchors: its name server, zones and pages")
	group.Long = `testbed runs what people test their resolvers against: names by which a resolver
shows which root keys it trusts (RFC 8509), names signed with every algorithm,
good and bad, and zones that roll their keys by the calendar, for those who
follow RFC 5011. The section [testbed] of the configuration sets it up.`
	group.AddCommand(
		configured(&cobra.Command{
			Use: "init", Short: "Make the keys that are missing; print what the zone above has to publish", Args: args(cobra.NoArgs),
			Long: `init makes the keys of the test bed's own zones, in the directory testbed.keys, and
prints the NS, address and DS records that the zone above has to publish. No key
that is there is replaced: run it again to see the records again.`,
			RunE: func(*cobra.Command, []string) error { o.JSON = c.json; return app.TestbedInit(c.world, o) },
		}, &o.Config),
		configured(&cobra.Command{
			Use: "serve", Short: "Answer for the names of the test bed and serve its pages", Args: args(cobra.NoArgs),
			Long: `serve answers for all names of the test bed on testbed.dns.listen, over UDP and
TCP, and serves the pages on web.listen: the test of root keys in the visitor's
browser (/sentinel), that of algorithms (/algorithms), and the zones that roll
(/testbed). It makes those zones, tells their subscribers, and runs until it is
stopped. It makes no key of the test bed's own, and no database.`,
			Example: `  holdfast init --config holdfast.toml
  holdfast testbed init --config holdfast.toml
  holdfast testbed serve --config holdfast.toml`,
			RunE: func(cmd *cobra.Command, _ []string) (err error) {
				c.exit, err = app.TestbedServe(cmd.Context(), c.world, o)
				return err
			},
		}, &o.Config),
		configured(&cobra.Command{
			Use: "names", Short: "List the names of the tests, and what a validating resolver gives", Args: args(cobra.NoArgs),
			Long: `names lists the names to ask a resolver for, and what is due from one that
validates. Ask with dig:

    dig @ADDRESS +dnssec NAME A`,
			RunE: func(*cobra.Command, []string) error { o.JSON = c.json; return app.TestbedNames(c.world, o) },
		}, &o.Config),
		configured(&cobra.Command{
			Use: "zone NAME", Short: "Print a zone as it is served, for other programs to verify", Args: args(cobra.ExactArgs(1)),
			Long: `zone prints one of the test bed's own zones with its signatures and its proofs of
what there is not. Its names that are bogus on purpose do not verify. The zone of
the sentinels has no such form: its proofs are made for each question.`,
			Example: `  holdfast testbed zone d2a8n3.bed.example --config holdfast.toml > zone && ldns-verify-zone zone`,
			RunE:    func(_ *cobra.Command, given []string) error { return app.TestbedZone(c.world, o, given[0]) },
		}, &o.Config), c.testbedZones(&o))
	return group
}
