package machine

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// Bounds of a configuration that includes others.
const (
	maxIncludes = 1000
	maxDepth    = 20
)

// statement is a setting within a part of a configuration.
type statement struct {
	holdfast.Setting
	part  string // server, forward-zone, options, ...
	count int    // which one of the parts of that name, from 1
	// values are those of a statement that takes several; Value is the first.
	values []string
}

// unboundKey is a word that names a setting: the rest are values. Addresses
// such as fe80:: end in a colon too.
var unboundKey = regexp.MustCompile(`^[a-z][a-z0-9-]*:$`)

// A name may stand directly before its value: "do-tcp:no". What begins an
// address, such as fe80, is no name: those have letters beyond f.
var (
	unboundGlued = regexp.MustCompile(`^([a-z][a-z0-9-]*):(.+)$`)
	unboundWord  = regexp.MustCompile(`[g-z]`)
)

// unboundParts are the words that begin a part of unbound.conf(5).
var unboundParts = map[string]bool{
	"server:": true, "remote-control:": true, "stub-zone:": true, "forward-zone:": true, "auth-zone:": true, "view:": true, "python:": true,
	"dynlib:": true, "dnscrypt:": true, "cachedb:": true, "dnstap:": true, "rpz:": true, "ipset:": true,
}

// unboundConf reads unbound.conf with all that it includes.
type unboundConf struct {
	tree       *Tree
	base       string // what relative includes begin at: chroot aside, where the main file lies
	statements []statement
	files      []string
	unread     []holdfast.Unread
	part       string
	parts      map[string]int
}

func (t *Tree) readUnboundConf(main string) *unboundConf {
	c := &unboundConf{tree: t, base: path.Dir(main), parts: map[string]int{}}
	c.file(main, 0)
	return c
}

func (c *unboundConf) file(name string, depth int) {
	text, err := c.tree.read(name)
	if depth > maxDepth || len(c.files) >= maxIncludes {
		err = fmt.Errorf("read %s: more than %d files, or %d deep, are included", name, maxIncludes, maxDepth)
	}
	if err != nil {
		c.unread = append(c.unread, holdfast.Unread{Path: name, Why: err.Error()})
		return
	}
	c.files = append(c.files, name)
	var current *statement
	for word := range unboundWords(string(text)) {
		if expected := current != nil && len(current.values) == 0; !word.quoted && !expected {
			if m := unboundGlued.FindStringSubmatch(word.text); m != nil && unboundWord.MatchString(m[1]) {
				c.statements = append(c.statements, c.begun(m[1], name, word.line))
				current = &c.statements[len(c.statements)-1]
				word.text = m[2]
			}
		}
		switch {
		case !word.quoted && unboundParts[word.text]:
			c.part, current = strings.TrimSuffix(word.text, ":"), nil
			c.parts[c.part]++
		case !word.quoted && unboundKey.MatchString(word.text):
			c.statements = append(c.statements, c.begun(strings.TrimSuffix(word.text, ":"), name, word.line))
			current = &c.statements[len(c.statements)-1]
		case current != nil:
			current.values = append(current.values, word.text)
			if current.Value = current.values[0]; strings.HasPrefix(current.Name, "include") && len(current.values) == 1 {
				c.include(*current, depth)
				current = nil
			}
		}
	}
}

// begun is a statement whose values are still to come.
func (c *unboundConf) begun(name, file string, line int) statement {
	return statement{part: c.part, count: c.parts[c.part], Setting: holdfast.Setting{Name: name, Place: fmt.Sprintf("%s:%d", file, line)}}
}

func (c *unboundConf) include(s statement, depth int) {
	pattern := s.Value
	if !path.IsAbs(pattern) {
		pattern = path.Join(c.base, pattern)
	}
	part := c.part
	if s.Name == "include-toplevel" {
		c.part = ""
	}
	names := c.tree.glob(pattern)
	if len(names) == 0 && !strings.ContainsAny(pattern, "*?[") {
		c.unread = append(c.unread, holdfast.Unread{Path: pattern, Why: "included at " + s.Place + ", and not there"})
	}
	for _, name := range names {
		c.file(name, depth+1)
	}
	if s.Name == "include-toplevel" {
		c.part = part
	}
}

// of lists the settings of a name in the server part, in order.
func (c *unboundConf) of(name string) []holdfast.Setting {
	var out []holdfast.Setting
	for _, s := range c.statements {
		if s.part == "server" && s.Name == name {
			out = append(out, s.Setting)
		}
	}
	return out
}

// last is the setting of a name that counts.
func (c *unboundConf) last(name string) (holdfast.Setting, bool) {
	all := c.of(name)
	if len(all) == 0 {
		return holdfast.Setting{}, false
	}
	return all[len(all)-1], true
}

type confWord struct {
	text   string
	line   int
	quoted bool
}

// unboundWords hands out the words of unbound.conf: parted by space, whole in
// quotes, up to a word that begins with "#".
func unboundWords(text string) func(func(confWord) bool) {
	return func(yield func(confWord) bool) {
		number := 0
		for line := range strings.Lines(text) {
			number++
			for rest := strings.TrimSpace(line); rest != "" && rest[0] != '#'; rest = strings.TrimLeft(rest, " \t\r\n") {
				word := confWord{line: number}
				word.text, rest, word.quoted = cutUnboundWord(rest)
				if !yield(word) {
					return
				}
			}
		}
	}
}

func cutUnboundWord(text string) (word, rest string, quoted bool) {
	if q := text[0]; q == '"' || q == '\'' {
		if end := strings.IndexByte(text[1:], q); end >= 0 {
			return text[1 : 1+end], text[2+end:], true
		}
		return text[1:], "", true // as Unbound's lexer: to the end of the line
	}
	end := strings.IndexAny(text, " \t\r\n\"'")
	if end < 0 {
		return text, "", false
	}
	// A key may stand directly before its value: "username:unbound" is no
	// such, but `directory:"/etc"` is.
	return text[:end], text[end:], false
}
