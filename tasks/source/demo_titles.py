"""Invented movie titles and genres: one vocabulary for each taste group of the demo data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Taste:
    """What the movies of one taste group look like.

    Attributes
    ----------
    name : for tests and people; not written to any file.
    genres : every movie of the group has these MovieLens genres.
    extras : some movies of the group also have one or two of these.
    era : typical year of release.
    adjectives, nouns, places : words for titles, separated by blanks; a hyphen in a place stands for a blank.
        A noun belongs to one group only, so that no title occurs in two groups.
    """

    name: str
    genres: tuple[str, ...]
    extras: tuple[str, ...]
    era: int
    adjectives: str
    nouns: str
    places: str


TASTES = (
    Taste(
        "dramas",
        ("Drama",),
        ("Romance", "Mystery"),
        1994,
        "Quiet Broken Distant Winter Silent Borrowed Fading Unspoken Patient Amber Hollow Gentle Late Pale "
        "Ordinary Forgotten Tender Northern Salted Paper Second Lonely Grey Long",
        "Letters Orchard Daughters Harvest Afternoon Brothers Window Confession Mourning Winters "
        "Inheritance Strangers Silence Lighthouse Fathers Apartment Goodbye Garden Teacher Photograph "
        "Sisters River Portrait Autumn",
        "Lisbon Sorrow Maine Krakow October Saint-Malo Belfast Memory Dust Normandy Tomorrow Ash Kyoto "
        "Regret Elm-Street Trieste",
    ),
    Taste(
        "comedies",
        ("Comedy",),
        ("Romance", "Crime", "Drama"),
        1997,
        "Dumb Lucky Crazy Grumpy Big Clumsy Awkward Rental Half-Baked Undercover Accidental Reluctant "
        "Average Cheap Weird Rowdy Overdue Unemployed Suburban Hopeless Loud Fake Bumbling Second-Hand",
        "Roommates Neighbours In-Laws Bachelors Plumbers Interns Landlord Babysitters Dentist Weekend "
        "Reunion Caddies Waiters Impostors Cousins Nuisance Boss Tourists Divorce Barbecue Prank Coupon "
        "Janitor Diet",
        "Cleveland Accounting Nowhere Aisle-Nine Miami Laundry Monday Reno Payroll Ohio Parking Overtime "
        "Vegas Dentistry Brunch Jersey",
    ),
    Taste(
        "space and robots",
        ("Sci-Fi", "Action"),
        ("Adventure", "Thriller"),
        1998,
        "Quantum Stellar Orbital Synthetic Galactic Neon Zero Cryo Lunar Solar Binary Martian Cosmic "
        "Parallel Electric Infinite Atomic Plasma Chrome Hyper Void Ionic Nova Digital",
        "Android Protocol Starship Colony Replicant Horizon Nebula Paradox Signal Reactor Clone Machine "
        "Armada Satellite Algorithm Wormhole Exodus Outpost Mutation Circuit Asteroid Probe Cyborg Terminal",
        "Orion Andromeda Titan Europa Proxima Sector-Nine Vega Ganymede Saturn Tomorrow-City Centauri Io "
        "Rigel Epsilon Mars Deep-Space",
    ),
    Taste(
        "horror",
        ("Horror", "Thriller"),
        ("Mystery",),
        1993,
        "Bleeding Screaming Crimson Rotting Haunted Cursed Midnight Buried Whispering Sleepless Unholy "
        "Flayed Wicked Drowned Dreadful Moonless Grim Ravenous Shrieking Nameless Skinless Creeping Damned "
        "Withered",
        "House Coffin Cellar Graveyard Scarecrow Zombie Vampire Doll Asylum Séance Slaughter Ghoul Crypt "
        "Fang Undertaker Banshee Mask Werewolf Nightmare Poltergeist Butcher Attic Tomb Swarm",
        "Doom Blackwood Ravenmoor Hell Salem Darkness Blood Hollow-Creek Bones Dread Crow-Lake Madness "
        "Grimsby Damnation Gore-Hill Thirteen",
    ),
    Taste(
        "crime and noir",
        ("Crime", "Mystery"),
        ("Film-Noir", "Thriller", "Drama"),
        1984,
        "Crooked Double Dirty Velvet Smoking Blind Guilty Stolen Back-Alley Bitter Cold-Blooded Rain-Soaked "
        "Shady Loaded Fatal Marked Hard-Boiled Nickel Lying Unsolved Hired Blackmailed Poisoned Counterfeit",
        "Detective Alibi Verdict Informant Gangster Heist Witness Gambler Ransom Motive Racket Fingerprint "
        "Syndicate Blackmail Mobster Suspect Getaway Testimony Safecracker Widow Hitman Evidence Fugitive "
        "Warehouse",
        "Chicago Harlem Vice Palermo Pier-Nine Greed Marseille Brooklyn Larceny Naples Skid-Row Malice "
        "Detroit Tangier Murder Cell-Block-Four",
    ),
    Taste(
        "love stories",
        ("Romance", "Comedy"),
        ("Drama",),
        1999,
        "Sweet Summer Secret Starry Rosy Candlelit Dreamy Blushing Parisian Honeyed Perfect Charming "
        "Whirlwind Tangled Runaway Springtime Sunlit Moonlit Bashful Darling Enchanted Giddy Breathless "
        "Sincere",
        "Kiss Bride Wedding Valentine Heart Proposal Serenade Lovers Bouquet Honeymoon Sweetheart Waltz "
        "Crush Matchmaker Promise Postcard Embrace Affair Bridesmaid Engagement Courtship Suitor Flirtation "
        "Elopement",
        "Venice Paris Love Tuscany June Manhattan Capri Forever Roses Seville Santorini Hearts Savannah "
        "Verona Champagne Vienna",
    ),
    Taste(
        "family animation",
        ("Animation", "Children"),
        ("Adventure", "Comedy", "Fantasy"),
        2001,
        "Little Jolly Bouncy Tiny Brave Fuzzy Wiggly Merry Sleepy Sparkly Giggling Curious Fluffy Wobbly "
        "Cheerful Silly Hungry Chirpy Snowy Bubbly Plucky Sunny Nibbling Ticklish",
        "Penguin Teddy Puppy Hedgehog Duckling Squirrel Bunny Kitten Toybox Otter Piglet Caterpillar "
        "Snowman Balloon Beaver Robin Hamster Tadpole Koala Bumblebee Elephant Mouse Panda Gosling",
        "Toytown Marshmallow-Bay Cuddle-Creek Rainbow-Hill Gingerbread-Lane Puddleford Honey-Wood "
        "Jellybean-Island Bumbleton Cloudland Acorn-Valley Snuggle-Bay Lollipop-Park Buttercup-Farm "
        "Tumbledown Giggle-Forest",
    ),
    Taste(
        "fantasy adventures",
        ("Fantasy", "Adventure"),
        ("Action", "Children"),
        2000,
        "Golden Lost Ancient Mystic Emerald Hidden Forbidden Enduring Silver Fabled Eternal Elven Arcane "
        "Jade Sacred Winged Shimmering Crystal Spellbound Runic Mighty Sapphire Wandering Immortal",
        "Dragon Sorcerer Amulet Kingdom Sword Griffin Prophecy Wizard Talisman Throne Unicorn Labyrinth "
        "Grail Enchantress Phoenix Quest Scroll Oracle Knight Chalice Crown Goblin Citadel Druid",
        "Avalor Mirkenfall Eldoria Thorn-Keep Wyrmhold Destiny Silverdeep Shadowfen Ishkandar Dawnspire "
        "Magic Ravensreach Zanthar Everwood Moonhaven Storms",
    ),
    Taste(
        "war films",
        ("War", "Drama"),
        ("Action",),
        1987,
        "Fallen Iron Last Bloody Scorched Wounded Valiant Muddy Besieged Distant-Drum Unbroken Surrendered "
        "Frozen Heroic Burning Barbed Retreating Armoured Shelled Outnumbered Weary Defiant Flanking "
        "Decorated",
        "Battalion Bunker Trenches Regiment Beachhead Sergeant Bombardier Armistice Squadron Submarine "
        "Infantry Deserter Convoy Platoon Barracks Medic Minefield General Blitz Paratroopers Sniper Bugle "
        "Artillery Garrison",
        "Verdun Tobruk Dunkirk Ardennes Honour Stalingrad Saigon Anzio Gallipoli Guadalcanal Victory Arnhem "
        "Sedan Cassino Duty Khe-Sanh",
    ),
    Taste(
        "westerns",
        ("Western",),
        ("Action", "Adventure", "Drama"),
        1972,
        "Dusty Lonesome Rusty Wild Rawhide Outlaw Sunburnt Six-Gun Hangman's Barren Mean Quickdraw "
        "Saddle-Sore Dry Prairie Tumbling Stubborn Whiskey Tin-Star Vengeful Longhorn Ornery Copper Painted",
        "Sheriff Gunslinger Stagecoach Saloon Rustlers Posse Bounty Cowboy Homestead Mustang Showdown Ranch "
        "Marshal Canyon Deputy Wagon Drifter Noose Stampede Prospector Spurs Holster Corral Lariat",
        "Abilene Laredo Tombstone-Ridge Wyoming Dodge Cheyenne Santa-Fe Durango El-Paso Yuma Deadwood Pecos "
        "Amarillo Dry-Gulch Sonora Nevada",
    ),
    Taste(
        "musicals",
        ("Musical",),
        ("Comedy", "Romance", "Drama"),
        1978,
        "Dancing Singing Swinging Ragtime Tap-Dancing Broadway Jazzy Whistling Glittering Humming "
        "Syncopated Dazzling Spotlight Rhythmic Operatic Twirling Harmonic Bluesy Velvet-Voiced Toe-Tapping "
        "Showstopping Melodious Lyrical Marching",
        "Chorus Melody Cabaret Follies Showgirl Overture Encore Songbird Vaudeville Bandstand Trombone "
        "Crooner Ballroom Duet Maestro Nightclub Revue Footlights Tambourine Operetta Soprano Conductor "
        "Orchestra Tango",
        "Forty-Second-Street Vaudeville-Lane Rhythm Havana Tin-Pan-Alley Song Rio Montmartre Swing "
        "New-Orleans Applause Memphis Harmony Buenos-Aires Music Drury-Lane",
    ),
    Taste(
        "documentaries",
        ("Documentary",),
        ("War", "Musical", "IMAX"),
        2006,
        "Inside Vanishing Unseen Modern Melting Rising Hidden-Camera True Shrinking Global Wild-Caught "
        "Uncharted Living Endangered Untold Public Measured Mapped Recorded Urban Rural Migrating Changing "
        "Archived",
        "Glacier Ocean Harvesters Election Archive Rainforest Migration Economy Coral Factory Volcano "
        "Chess-Players Honeybees Wilderness Skateboarders Telescope Antarctica Whistleblower Marathon "
        "Savanna Fishermen Climbers Census Architects",
        "Patagonia Power Alaska Borneo Oil Water Bangladesh Silicon-Valley Sugar Madagascar Science "
        "Mongolia Plastic Everest Democracy Lagos",
    ),
)

_SIZES = np.linspace(1.6, 0.5, len(TASTES))
GROUP_SHARES: NDArray[np.float64] = _SIZES / _SIZES.sum()
"""Part of the users, and of the movies' popularity, that belongs to each taste group."""


def invent_titles(group: int, n_titles: int, rng: np.random.Generator) -> list[str]:
    """Combine the words of a taste group into titles that all differ, the short ones first.

    Titles are written as GroupLens does, with a leading article at the end: ``Haunted House, The``.

    Parameters
    ----------
    group : index into `TASTES`.
    n_titles : how many.
    rng : decides the order.
    """
    taste = TASTES[group]
    nouns = taste.nouns.split()
    places = [place.replace("-", " ") for place in taste.places.split()]
    pairs = [f"{adjective} {noun}" for adjective in taste.adjectives.split() for noun in nouns]
    short = pairs + [f"{pair}, The" for pair in pairs] + [f"{noun} of {place}" for noun in nouns for place in places]
    long = [f"{pair} of {place}" for pair in pairs for place in places]
    n_parts = 1 + max(n_titles - len(short), 0) // len(long)
    long += [f"{title} {part}" for part in range(2, n_parts + 1) for title in long]
    return [pool[i] for pool in (short, long) for i in rng.permutation(len(pool)).tolist()][:n_titles]


def invent_genres(group: int, n_movies: int, rng: np.random.Generator) -> list[str]:
    """Give each movie the genres of its taste group and, at random, up to two related ones.

    Parameters
    ----------
    group : index into `TASTES`.
    n_movies : how many.
    rng : decides which movies get a related genre.

    Returns
    -------
    Genres in alphabetical order, separated by ``|``.
    """
    taste = TASTES[group]
    has_extra = rng.random((n_movies, len(taste.extras))) < 0.6 / len(taste.extras)
    return [
        "|".join(sorted({*taste.genres, *(extra for extra, has in zip(taste.extras, row, strict=True) if has)}))
        for row in has_extra.tolist()
    ]
