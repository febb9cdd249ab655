//go:build never

package openfga

import _ "github.com/openfga/openfga/cmd/openfga"
