"""Prompts and the elements that they ask for, and prompts that ask for none.

Each line: prompt | kind | what it sets. `name+` and `name-` are values above and below the default, `name=value` a
choice, `colour:` names the strongest channel (r, g, b), or k for dark and w for light; `?word` is not understood.
"""

PHRASES = """
smoke | smoke |
thick black smoke | smoke | density+ colour:k
thin white smoke | smoke | density- colour:w
a puff of white smoke | smoke | colour:w
green smoke | smoke | colour:g
dark red smoke | smoke | colour:r
dense grey smoke blowing in the wind | smoke | density+ wind+
a tall column of smoke | smoke | height+
smoke rising | smoke |
billowing smoke | smoke | turbulence+
wispy smoke from a chimney | smoke | density- ?chimney
calm smoke | smoke | turbulence-
a plume of black smoke | smoke | colour:k
narrow smoke plume | smoke | width-
wide smoke | smoke | width+
turbulent purple smoke | smoke | turbulence+ colour:b
short smoke | smoke | height-
smoke, black and thick | smoke | colour:k density+
smoke with soft light | smoke |
dramatic smoke | smoke | contrast+
blue fumes | smoke | colour:b
faint vapour | smoke | density-
heavy smoke in strong wind | smoke | density+ wind+
realistic smoke effect on a transparent background | smoke |
fire | flame |
flame | flame |
a blue flame | flame | colour:b
green fire | flame | colour:g
tall flames | flame | height+
small flame | flame | height-
raging fire | flame | turbulence+
a ball of fire | flame |
tongues of flame | flame |
wide fire | flame | width+
narrow flame in the wind | flame | width- wind+
wild red flames | flame | turbulence+ colour:r
a purple flame | flame | colour:b
intense fire | flame | intensity+
dying flame | flame | intensity-
calm yellow flame | flame | turbulence- colour:r
a wall of fire | flame |
pink fire | flame | colour:r
huge flames | flame | height+
dragon fire | flame | ?dragon
flames, tall and blue | flame | height+ colour:b
inferno | flame |
cyan flame | flame | colour:b
strong fire | flame | intensity+
campfire | campfire |
a campfire at night | campfire | ?night
big campfire | campfire | height+
small bonfire | campfire | height-
dying campfire | campfire | intensity-
burning logs | campfire |
wild bonfire in strong wind | campfire | turbulence+ wind+
green campfire | campfire | colour:g
charred camp fire | campfire | charred+
log fire | campfire |
calm campfire | campfire | turbulence-
huge bonfire | campfire | height+
blue bonfire | campfire | colour:b
burning match | match |
a match | match |
lit match | match |
a long burning match | match | length+
short match | match | length-
upright match | match | tilt-
tilted burning match | match | tilt+
burning match with a blue flame | match | colour:b
a charred match | match | burnt+
fresh match | match | burnt-
matchstick | match |
flickering match | match | flicker+
match in the wind | match | wind+
candle | candle |
a candle | candle |
candles | candle |
red candle | candle | colour:r
a tall white candle | candle | height+ colour:w
short thick candle | candle | height- width+
thin candle | candle | width-
candle flame | candle | show=flame
a candle flame in a draught | candle | show=flame wind+
flickering candle | candle | flicker+
still candle | candle | flicker-
black candle | candle | colour:k
a small blue candle | candle | height- colour:b
burning candle | candle |
candlelight | candle |
melted candle | candle | height-
fat green candle | candle | width+ colour:g
candle with a big flame | candle | flame+
embers | embers |
sparks | embers |
flying embers | embers |
a few sparks | embers | density-
many glowing embers | embers | density+ glow+
blue sparks | embers | colour:b
sparks in strong wind | embers | wind+
big embers | embers | size+
tiny sparks | embers | size-
long sparks | embers | length+
a shower of sparks | embers |
swirling embers | embers | turbulence+
green embers | embers | colour:g
dense sparks | embers | density+
a swarm of sparks | embers |
wild orange sparks | embers | turbulence+ colour:r
glowing ash | embers |
rain | rain |
heavy rain | rain | density+
light rain | rain | density-
pouring rain | rain | density+
a light drizzle | rain | density-
rain in the wind | rain | wind+
windy rain | rain | wind+
stormy rain | rain | wind+
slanted rain | rain | wind+
long rain streaks | rain | length+
fine rain | rain | width-
thick rain | rain | width+
raindrops | rain |
a shower of rain | rain |
sheets of rain | rain |
red rain | rain | colour:r
light blue rain | rain | colour:b
downpour | rain | density+
heavy rain in strong wind | rain | density+ wind+
short rain streaks | rain | length-
rain, heavy, blowing | rain | density+ wind+
falling rain overlay | rain |
snow | snow |
heavy snow | snow | density+
light snow | snow | density-
snowfall | snow |
big snowflakes | snow | size+
small snowflakes | snow | size-
windy snow | snow | wind+
blizzard | snow | density+ wind+
a heavy snowstorm | snow | density+ wind+
falling snow | snow |
sparse snow | snow | density-
fluffy snow | snow | size+
pink snow | snow | colour:r
snow in the wind | snow | wind+
a flurry of snow | snow |
fine snow | snow | size-
dense snow | snow | density+
god rays | god_rays |
a god ray | god_rays |
sunbeams | god_rays |
light shafts | god_rays |
rays of light | god_rays |
shafts of light | god_rays |
bright god rays | god_rays | brightness+
soft god rays | god_rays | brightness-
dusty sunbeams | god_rays | haze+
many rays of light | god_rays | count+
a few light rays | god_rays | count-
golden sun rays | god_rays | colour:r
blue light rays | god_rays | colour:b
wide god rays | god_rays | spread+
narrow light shafts | god_rays | spread-
sharp light rays | god_rays | contrast+
misty god rays | god_rays | haze+
volumetric light | god_rays |
god rays from the left | god_rays | source-
long god rays | god_rays | length+
green light beams | god_rays | colour:g
lightning | lightning |
lightning bolt | lightning |
a bolt of lightning | lightning |
blue lightning | lightning | colour:b
purple lightning | lightning | colour:b
red lightning bolt | lightning | colour:r
three lightning bolts | lightning | count+
branching lightning | lightning | branches+
thin lightning | lightning | thickness-
thick lightning bolt | lightning | thickness+
jagged lightning | lightning | jaggedness+
bright lightning | lightning | glow+
lightning strike | lightning |
a lightning strike over the sea | lightning | ?sea
electric arc | lightning |
yellow electric bolt | lightning | colour:r
diagonal lightning | lightning | lean+
forked green lightning | lightning | branches+ colour:g
glow | glow |
a soft glow | glow | brightness-
blue glow | glow | colour:b
bright red glow | glow | colour:r
orb of light | glow |
a glowing orb | glow |
white light orb | glow | colour:w
large glow | glow | size+
small green glow | glow | size- colour:g
intense glow | glow | brightness+
hot glow | glow | core+
hair | hair |
long blonde hair | hair | length+ colour:r
short black hair | hair | length- colour:k
curly red hair | hair | curl+ colour:r
straight brown hair | hair | curl- colour:r
long wavy hair | hair | length+ curl+
messy hair | hair | mess+
neat black hair | hair | mess- colour:k
hair with bangs | hair | cut=bangs
white hair with a fringe | hair | cut=bangs colour:w
blue hair | hair | colour:b
windblown hair | hair | wind+
hair blowing in the wind | hair | wind+
shiny brown hair | hair | shine+
hair from behind | hair | cut=behind
a lock of hair | hair |
long curly ginger hair in strong wind | hair | length+ curl+ colour:r wind+
voluminous hair | hair | width+
thin grey hair | hair | strands-
shoulder-length brunette hair | hair | length- colour:r
anime smoke | smoke | style=flat
flat smoke | smoke | style=flat
cartoon fire | flame | style=flat
a cartoon blue flame | flame | style=flat colour:b
cel shaded flames | flame | style=flat
painted clouds | cloud | style=painted
a painterly storm cloud | cloud | style=painted shadow+
anime explosion | explosion | style=flat
a painted campfire | campfire | style=painted
comic splatter | splatter | style=flat
realistic smoke | smoke | style=realistic
icicles | icicles |
long icicles | icicles | length+
clear thin icicles | icicles | frost- width-
icicles on a roof | icicles | ?roof
cumulus cloud | cloud |
a big fluffy cloud | cloud | size+ fluff+
early explosion | explosion | age-
a smoky explosion | explosion | smoke+
red laser beam | energy_beam | colour:r
intricate magic circle | magic_circle | detail+
a thin shockwave | shockwave | thickness-
cracks in glass | cracks | material=glass
dry grass | grass | dryness+
tall green grass | grass | height+ colour:g
spider web | web |
soap bubbles | bubbles | iridescence+
dense fog | fog | density+
a puff of dust | dust_motes |
fur | fur |
white fur | fur | colour:w
long shaggy black fur | fur | length+ colour:k
a patch of brown fur | fur | colour:r
tiger fur | fur | pattern=striped
short leopard fur | fur | pattern=spotted length-
curly grey fur | fur | curl+
soft fur blowing in the wind | fur | thickness- wind+
glossy wet fur | fur | shine+ tufts+
steam | steam |
thin steam | steam | density-
hot steam from a cup | steam | ?cup
wisps of steam | steam |
dense swirling steam | steam | density+ turbulence+
wide soft steam | steam | width+ softness+
crisp steam | steam | softness-
cartoon splash | splash | style=flat
water drops | drops |
a few large water drops | drops | density- size+
drops of water on glass | drops | ?glass
tiny dew drops | drops | size-
blue water droplets | drops | colour:b
condensation, running | drops | runs+
splash | splash |
a big water splash | splash | height+
a splash of water | splash |
wide blue splash | splash | width+ colour:b
milk splash | splash | opacity+
glossy splash | splash | shine+
a low thick splash | splash | height- thickness+
"""

FOREIGN = """
red dragon
firefighter
a fire truck
fire station
fire hydrant
fireplace
fireworks
firefly
campfire song book
smoke detector
smoked salmon
a smoker
snowman
snow leopard
snow globe
snowboard
raincoat
rainbow
rain boots
a rain forest
hairdresser
hair dryer
hairbrush
hair salon
a girl with long hair
a man with a candle
a woman in the rain
a cat in the snow
candlestick
candle holder
candle shop
football match
a tennis match
matchbox
match box cars
lightning cable
lightning mcqueen
glow worm
glow stick
sparkling water
spark plug
an ember colored fox
a house on fire
a knight with a flaming sword
statue of fire
tree
blue car
portrait of a king
a wizard casting lightning
flame thrower
flamenco dancer
smoke ring
two smoke rings
grass snake
web designer
cloud castle
lightning bug
snow white
rain coat
feather boa
cloud computing
fog machine
bubble bath
bubble gum
bubble tea
leaf blower
ink cartridge
snow angel
snow cone
fire ant
fire drill
lightning rod
dandelion tea
tea leaves
tag cloud
thought bubble
speech bubble
laser printer
icicle lights
grass skirt
feather duster
crack cocaine
splatter movie
a girl blowing a dandelion
a dragon breathing fire
match three game
cloud storage
hair clip
fur coat
fur seal
furniture
steam engine
steam locomotive
steamboat
splash screen
splash page
eye drops
drop shadow
"""
