//go:build never

package dex

import _ "github.com/dexidp/dex/cmd/dex"
