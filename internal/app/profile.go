package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/profile"
)

// profileOf reads the profile that the configuration or a flag names: a
// built-in one, or a file. Empty: the default.
func profileOf(name string) (profile.Profile, error) {
	if name == "" {
		name = profile.Default
	}
	if slices.Contains(profile.Names(), name) {
		return profile.Named(name)
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return profile.Profile{}, advise(fmt.Errorf("profile %q: there is no built-in profile and no file of that name", name),
			"Built in are %s; `holdfast profile show quiet` shows the form of a file.", strings.Join(profile.Names(), ", "))
	}
	if err != nil {
		return profile.Profile{}, fmt.Errorf("profile: %w", err)
	}
	defer file.Close()
	return profile.Read(file, name)
}

// under is the catalogue as a profile weighs it. Its version says so: verdicts
// under two profiles are not the same verdict.
func under(c judge.Catalogue, p profile.Profile) judge.Catalogue {
	if len(p.Entries) == 0 {
		return c
	}
	c.Version += "/" + p.Name
	c.Weigh = p.Weigh
	return c
}

// ListProfiles prints the built-in profiles.
func ListProfiles(w World, asJSON bool) error {
	var all []profile.Profile
	for _, name := range profile.Names() {
		p, err := profile.Named(name)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	if asJSON {
		return writeJSON(w.Stdout, all)
	}
	table := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
	for _, p := range all {
		fmt.Fprintf(table, "%s\t%s\n", p.Name, p.Title)
	}
	return table.Flush()
}

// ShowProfile prints a profile as a file that can be changed and used.
func ShowProfile(w World, name string, asJSON bool) error {
	p, err := profileOf(name)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w.Stdout, p)
	}
	return p.Write(w.Stdout)
}

// ImportProfile prints a profile made of Zonemaster's profile.json, and says
// what of it has no counterpart here.
func ImportProfile(w World, path string, asJSON bool) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	defer file.Close()
	p, unknown, err := profile.Import(file, path)
	if err != nil {
		return advise(err, "It must be a profile of Zonemaster's: JSON with test_levels or test_cases.")
	}
	if len(unknown) > 0 {
		fmt.Fprintf(w.Stderr, "holdfast: %d messages have no counterpart here and are left out: %s\n", len(unknown), strings.Join(unknown, ", "))
	}
	if asJSON {
		return writeJSON(w.Stdout, p)
	}
	return p.Write(w.Stdout)
}
