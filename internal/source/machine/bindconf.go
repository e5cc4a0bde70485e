package machine

import (
	"fmt"
	"path"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// clause is one statement of named.conf: its words, and what is in its braces.
type clause struct {
	words []confWord
	body  []clause
	place string // FILE:LINE
}

// name is the first word, in lower case: to named they are the same.
func (c clause) name() string {
	if len(c.words) == 0 {
		return ""
	}
	return strings.ToLower(c.words[0].text)
}

// value is what stands behind the name.
func (c clause) value() string {
	var out []string
	for _, w := range c.words[min(1, len(c.words)):] {
		out = append(out, w.text)
	}
	return strings.Join(out, " ")
}

func (c clause) setting() holdfast.Setting {
	return holdfast.Setting{Name: c.name(), Value: c.value(), Place: c.place}
}

// maxNesting bounds braces within braces.
const maxNesting = 30

// bindConf reads named.conf with all that it includes.
type bindConf struct {
	tree   *Tree
	root   string // the folder that named confines itself to, or empty
	cwd    string // what the statement "directory" says, from where it stands on
	files  []string
	unread []holdfast.Unread
}

func (c *bindConf) file(name string, depth int) []clause {
	text, err := c.tree.read(path.Join("/", c.root, name))
	if depth > maxDepth || len(c.files) >= maxIncludes {
		err = fmt.Errorf("read %s: more than %d files, or %d deep, are included", name, maxIncludes, maxDepth)
	}
	if err != nil {
		c.unread = append(c.unread, holdfast.Unread{Path: name, Why: err.Error()})
		return nil
	}
	c.files = append(c.files, path.Join("/", c.root, name))
	r := bindReader{conf: c, name: path.Join("/", c.root, name), text: string(text), line: 1, depth: depth}
	return r.clauses(0)
}

// bindReader reads one file: words, strings, braces and semicolons, with the
// comments of C, C++ and the shell.
type bindReader struct {
	conf  *bindConf
	name  string
	text  string
	line  int
	depth int
}

func (r *bindReader) clauses(nesting int) []clause {
	var out []clause
	current := clause{}
	finish := func() {
		if current.name() == "directory" && nesting == 1 {
			r.conf.cwd = current.value()
		}
		if current.name() == "include" && len(current.words) == 2 {
			out = append(out, r.include(current.words[1].text)...)
		} else if len(current.words) > 0 || current.body != nil {
			out = append(out, current)
		}
		current = clause{}
	}
	for {
		word, mark := r.next()
		switch {
		case mark == 0 && word.text == "" && !word.quoted: // the end
			finish()
			return out
		case mark == '{':
			if nesting >= maxNesting {
				r.text = ""
				return out
			}
			current.body = append(current.body, r.clauses(nesting+1)...)
			if current.body == nil {
				current.body = []clause{}
			}
		case mark == '}':
			finish()
			return out
		case mark == ';':
			finish()
		default:
			if len(current.words) == 0 {
				current.place = fmt.Sprintf("%s:%d", r.name, word.line)
			}
			current.words = append(current.words, word)
		}
	}
}

func (r *bindReader) include(pattern string) []clause {
	var out []clause
	if !path.IsAbs(pattern) {
		// Relative paths begin at named's working folder. Where it is not said,
		// the main file's is the likeliest.
		folder := r.conf.cwd
		if folder == "" {
			folder = path.Dir(path.Join("/", strings.TrimPrefix(r.name, path.Clean("/"+r.conf.root))))
		}
		pattern = path.Join("/", folder, pattern)
	}
	names := r.conf.tree.glob(path.Join("/", r.conf.root, pattern))
	if len(names) == 0 {
		r.conf.unread = append(r.conf.unread, holdfast.Unread{Path: pattern, Why: fmt.Sprintf("included at %s:%d, and not there", r.name, r.line)})
	}
	for _, name := range names {
		if r.conf.root != "" {
			name = strings.TrimPrefix(name, path.Clean("/"+r.conf.root))
		}
		out = append(out, r.conf.file(name, r.depth+1)...)
	}
	return out
}

// next is the next word, or one of { } ;. An empty word without a mark is the
// end of the text.
func (r *bindReader) next() (word confWord, mark byte) {
	r.skip()
	if r.text == "" {
		return confWord{}, 0
	}
	word.line = r.line
	switch c := r.text[0]; c {
	case '{', '}', ';':
		r.text = r.text[1:]
		return word, c
	case '"':
		end := strings.IndexByte(r.text[1:], '"')
		if end < 0 {
			end = len(r.text) - 1
		}
		word.text, word.quoted = r.text[1:1+end], true
		r.line += strings.Count(word.text, "\n")
		r.text = r.text[min(len(r.text), end+2):]
		return word, 0
	}
	end := strings.IndexAny(r.text, " \t\r\n{};\"#")
	if end < 0 {
		end = len(r.text)
	}
	if comment := strings.Index(r.text[:end], "//"); comment > 0 {
		end = comment
	}
	word.text, r.text = r.text[:end], r.text[end:]
	return word, 0
}

// skip passes over space and comments.
func (r *bindReader) skip() {
	for r.text != "" {
		switch {
		case r.text[0] == '\n':
			r.line++
			r.text = r.text[1:]
		case strings.IndexByte(" \t\r", r.text[0]) >= 0:
			r.text = r.text[1:]
		case r.text[0] == '#' || strings.HasPrefix(r.text, "//"):
			end := strings.IndexByte(r.text, '\n')
			if end < 0 {
				end = len(r.text)
			}
			r.text = r.text[end:]
		case strings.HasPrefix(r.text, "/*"):
			end := strings.Index(r.text[2:], "*/") // "/*/" opens, and does not close
			if end < 0 {
				end = len(r.text) - 4
			}
			r.line += strings.Count(r.text[:end+4], "\n")
			r.text = r.text[end+4:]
		default:
			return
		}
	}
}

// in finds the last clause of a name in some clauses.
func in(all []clause, name string) (found clause, ok bool) {
	for _, c := range all {
		if c.name() == name {
			found, ok = c, true
		}
	}
	return found, ok
}
