package machine

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// Options say what is looked at and how.
type Options struct {
	Path string // as it was named, for people
	Kind holdfast.MachineKind
	Live bool // the tree is this machine, running
	// Everything has people's folders, mounted media and stores of containers
	// searched too, of a running machine.
	Everything bool
	// Searched is told how many files and octets of a folder were searched so
	// far; nil: nobody is.
	Searched func(files int, octets int64)
	Now      time.Time
	Program  string
	// Volumes are folders of an image that are kept apart from it.
	Volumes []string
	// Image is where an image says what its volumes are.
	Image string
	// Package and Version are those of a package.
	Package, Version string
	Keys             *Needles
}

// surveyor looks at one tree.
type surveyor struct {
	Options
	tree      *Tree
	mounted   []mount
	packages  packages
	installed []holdfast.Installation
	recovery  []holdfast.Recovery
	unread    []holdfast.Unread
	clock     []holdfast.Setting
	found     *searcher
}

// survey finds the resolvers that a tree has set up, and what they trust, and
// joins that with what the search for keys found. It only reads, and what it
// could not read it says.
func survey(ctx context.Context, tree *Tree, o Options, found *searcher) (holdfast.Machine, error) {
	s := &surveyor{Options: o, tree: tree, mounted: tree.mounts(o.Live), packages: tree.packages(), installed: []holdfast.Installation{}, found: found}
	for _, find := range s.finders() {
		if err := ctx.Err(); err != nil {
			return holdfast.Machine{}, err
		}
		find()
	}
	carriers := []holdfast.Carrier{}
	for _, c := range found.carriers {
		if c.Package = s.packages.owner(c.Path); c.Package == "" {
			c.Package = o.Package
		}
		carriers = append(carriers, c)
	}
	slices.SortFunc(carriers, func(a, b holdfast.Carrier) int { return strings.Compare(a.Path, b.Path) })
	return holdfast.Machine{
		Format: Format, Path: o.Path, Kind: o.Kind, Live: o.Live, Looked: o.Now, Program: o.Program,
		Resolvers: s.installed, Recovery: s.recovery, Clock: s.clock, Carriers: carriers, Unread: append(s.unread, found.unread...),
		Files: found.files, Octets: found.octets,
	}, nil
}

// finders look for one software each.
func (s *surveyor) finders() []func() {
	return []func(){s.unbound, s.bind, s.knot, s.pdns, s.dnsmasq, s.resolved, s.recoveries}
}

// Format names the evidence of a machine.
const Format = "holdfast-machine/1"

func (s *surveyor) add(i holdfast.Installation) { s.installed = append(s.installed, i) }

// packaged notes which package brought a resolver, by its program, or where
// that is not there by its configuration.
func (s *surveyor) packaged(i *holdfast.Installation, files ...string) {
	i.Package, i.Version = s.Package, s.Version
	for _, file := range files {
		if name := s.packages.owner(file); name != "" {
			i.Package, i.Version = name, s.packages.version(name)
			return
		}
	}
}

// static is how a file of anchors that the resolver never writes is kept up:
// by the package that brings it, or not at all.
func (s *surveyor) static(file string) holdfast.Upkeep {
	at, err := s.tree.resolve(file)
	if err == nil && (s.packages.owner("/"+at) != "" || within("/"+at, "/usr/share")) {
		return holdfast.UpkeepPackage
	}
	return holdfast.UpkeepStatic
}

// anchoring reads a file of anchors.
func (s *surveyor) anchoring(upkeep holdfast.Upkeep, setting holdfast.Setting, file string, form anchor.Form) holdfast.Anchoring {
	file = path.Clean(file)
	a := holdfast.Anchoring{Upkeep: upkeep, Statement: setting, File: file, Point: holdfast.TrustPoint{Zone: holdfast.Root}}
	entry := s.tree.stat(file)
	if !entry.Exists {
		a.Absent = true
		return a
	}
	a.Modified = entry.Modified
	text, err := s.tree.read(file)
	if err != nil {
		a.Trouble = err.Error()
		return a
	}
	s.parse(&a, form, file, text)
	return a
}

// inline reads anchors that stand in the configuration itself.
func (s *surveyor) inline(setting holdfast.Setting, form anchor.Form, text []byte) holdfast.Anchoring {
	a := holdfast.Anchoring{Upkeep: holdfast.UpkeepStatic, Statement: setting, Point: holdfast.TrustPoint{Zone: holdfast.Root}}
	s.parse(&a, form, setting.Place, text)
	for n := range a.Point.Keys {
		a.Point.Keys[n].Place = setting.Place
	}
	return a
}

func (s *surveyor) parse(a *holdfast.Anchoring, form anchor.Form, name string, text []byte) {
	parsed, err := anchor.Parse(form, name, text)
	if err != nil {
		a.Trouble = err.Error()
		return
	}
	a.Form = string(parsed.Form)
	if point, ok := parsed.Point(holdfast.Root); ok {
		a.Point = point
	} else if len(parsed.Points) > 0 {
		a.Point = parsed.Points[0]
	}
}

// appendRoot adds an anchoring unless it is of another zone.
func appendRoot(all []holdfast.Anchoring, a holdfast.Anchoring) []holdfast.Anchoring {
	if a.Point.Zone != holdfast.Root {
		return all
	}
	return append(all, a)
}

// access gathers what decides whether a resolver can write a file.
func (s *surveyor) access(file string, u unit, program string) *holdfast.Access {
	folder := path.Dir(file)
	a := &holdfast.Access{File: s.tree.stat(file), Folder: s.tree.stat(folder)}
	if at, err := s.tree.resolve(folder); err == nil {
		folder = "/" + strings.TrimPrefix(at, ".")
	}
	denied, volatile := mounted(s.mounted, folder)
	a.Denied = append(denied, u.denies(folder)...)
	if s.Kind == holdfast.MachineImage {
		volatile = holdfast.Setting{Name: "volume", Value: "none for " + folder, Place: s.Image}
		if within(folder, s.Volumes...) {
			volatile = holdfast.Setting{}
		}
	}
	a.Volatile = volatile
	for _, name := range []string{"/usr/sbin/" + program, "/usr/bin/" + program} {
		if setting, known := s.tree.confined(name, folder); known && setting != (holdfast.Setting{}) {
			a.Denied = append(a.Denied, setting)
		}
	}
	a.Denied = slices.Clip(a.Denied)
	return a
}

// carriedBy are the root keys that were found in a program: what it trusts
// where no file says otherwise.
func (s *surveyor) carriedBy(program string) []holdfast.TrustedKey {
	at, err := s.tree.resolve(program)
	if err != nil || program == "" {
		return nil
	}
	c, ok := s.found.carriers[at]
	if !ok {
		return nil
	}
	var out []holdfast.TrustedKey
	for tag, k := range s.Keys.keys {
		if c.Has(tag) {
			out = append(out, holdfast.TrustedKey{Tag: tag, Algorithm: k.Algorithm, DS: k.DS, State: holdfast.KeyValid, Place: "/" + at})
		}
	}
	slices.SortFunc(out, func(a, b holdfast.TrustedKey) int { return int(a.Tag) - int(b.Tag) })
	return out
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
