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
			RunE: func(*cobra.Command, []string) error { o.JSON = c.json; return app.TestbedInit(c.world, o) },
		}, &o.Config),
		configured(&cobra.Command{
			Use: "serve", Short: "Answer for the names of the test bed and serve its pages", Args: args(cobra.NoArgs),
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
			RunE: func(*cobra.Command, []string) error { o.JSON = c.json; return app.TestbedNames(c.world, o) },
		}, &o.Config),
		configured(&cobra.Command{
			Use: "zone NAME", Short: "Print a zone as it is served, for other programs to verify", Args: args(cobra.ExactArgs(1)),
			Example: `  holdfast testbed zone d2a8n3.bed.example --config holdfast.toml > zone && ldns-verify-zone zone`,
			RunE:    func(_ *cobra.Command, given []string) error { return app.TestbedZone(c.world, o, given[0]) },
		}, &o.Config))
	return group
}
